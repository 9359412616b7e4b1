// RUN: torsh-opt %s --torsh-cpu-outline-parallel-loops --canonicalize | FileCheck %s

// The loop over tiles becomes a call of the runtime with the number of tiles.
// Pointers and numbers are passed; views of them are made again in the task.
// CHECK-LABEL: func.func @tiles
// CHECK-SAME: (%[[X:.+]]: memref<f32> {{.*}}, %[[OUT:.+]]: memref<f32> {{.*}}, %[[N:.+]]: index, %[[WORKER:.+]]: !llvm.ptr)
// CHECK-NOT: scf.forall
// CHECK: %[[ROUNDED:.+]] = arith.addi %[[N]], %{{.*}}
// CHECK: %[[COUNT:.+]] = arith.divui %[[ROUNDED]], %{{.*}}
// CHECK: torsh_cpu.parallel_for @tiles.parallel_0(%[[COUNT]], %[[WORKER]]) captures(%[[X]], %[[N]], %[[OUT]]) {grain = 4 : i64}

// A task runs tiles from one number to another on the worker it is given, and
// asks for memory once for them all.
// CHECK-LABEL: func.func private @tiles.parallel_0
// CHECK-SAME: %[[BEGIN:[^ ]+]]: index, %[[END:[^ ]+]]: index, %[[OWN:[^ ]+]]: !llvm.ptr) attributes {torsh.task}
// CHECK: torsh_cpu.scratch %[[OWN]]
// CHECK: scf.for %[[TILE:.+]] = %[[BEGIN]] to %[[END]]
// CHECK-NOT: torsh_cpu.scratch
// CHECK: %[[I:.+]] = arith.muli %[[TILE]]
// CHECK: memref.load %{{.*}}[%[[I]]]
func.func @tiles(%x: memref<f32> {llvm.noalias}, %out: memref<f32> {llvm.noalias}, %n: index, %worker: !llvm.ptr)
    attributes {torsh.kernel, torsh.num_pointers = 2 : i64, torsh.schedule = #torsh.schedule<tile = [16], grain = 4>} {
  %a = memref.reinterpret_cast %x to offset: [0], sizes: [%n], strides: [1] : memref<f32> to memref<?xf32, strided<[1]>>
  %o = memref.reinterpret_cast %out to offset: [0], sizes: [%n], strides: [1] : memref<f32> to memref<?xf32, strided<[1]>>
  scf.forall (%i) = (0) to (%n) step (16) {
    %bytes = arith.constant 64 : index
    %buffer = torsh_cpu.scratch %worker, %bytes : memref<f32>
    %v = memref.load %a[%i] : memref<?xf32, strided<[1]>>
    memref.store %v, %buffer[] : memref<f32>
    memref.store %v, %o[%i] : memref<?xf32, strided<[1]>>
  }
  return
}

// Tiles of several loops have one number: the remainder is the inner position.
// CHECK-LABEL: func.func @two_loops
// CHECK: %[[TILES:.+]] = arith.constant 32 : index
// CHECK: torsh_cpu.parallel_for @two_loops.parallel_0(%[[TILES]]
// CHECK-LABEL: func.func private @two_loops.parallel_0
// CHECK: scf.for %[[TILE:.+]] =
// CHECK-DAG: arith.remui %[[TILE]], %[[INNER:.+]] : index
// CHECK-DAG: arith.divui %[[TILE]], %[[INNER]] : index
func.func @two_loops(%out: memref<index>, %worker: !llvm.ptr) attributes {torsh.kernel} {
  scf.forall (%i, %j) = (0, 0) to (64, 128) step (16, 16) {
    %v = arith.addi %i, %j : index
    memref.store %v, %out[] : memref<index>
  }
  return
}
