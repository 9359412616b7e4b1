// RUN: torsh-opt %s --torsh-cpu-allocate-scratch | FileCheck %s

// A small buffer goes on the stack.
// CHECK-LABEL: func.func @small
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<1024xf32>
// CHECK-NOT: memref.dealloc
func.func @small(%worker: !llvm.ptr) attributes {torsh.kernel} {
  %v = arith.constant 0.0 : f32
  %zero = arith.constant 0 : index
  %a = memref.alloc() : memref<1024xf32>
  memref.store %v, %a[%zero] : memref<1024xf32>
  memref.dealloc %a : memref<1024xf32>
  return
}

// A large one, and one whose size is known only when the program runs, is asked of
// the worker, in bytes.
// CHECK-LABEL: func.func @large
// CHECK-SAME: (%[[N:.+]]: index, %[[WORKER:.+]]: !llvm.ptr)
// CHECK: %[[BYTES:.+]] = arith.constant 4100 : index
// CHECK: %[[MEMORY:.+]] = torsh_cpu.scratch %[[WORKER]], %[[BYTES]] : memref<f32>
// CHECK: memref.reinterpret_cast %[[MEMORY]] to offset: [0], sizes: [1025], strides: [1]
// CHECK: %[[ELEMENTS:.+]] = arith.muli %{{.*}}, %[[N]]
// CHECK: %[[DYNAMIC:.+]] = arith.muli %[[ELEMENTS]], %{{.*}}
// CHECK: torsh_cpu.scratch %[[WORKER]], %[[DYNAMIC]] : memref<f64>
// CHECK-NOT: memref.alloc
func.func @large(%n: index, %worker: !llvm.ptr) attributes {torsh.kernel} {
  %v = arith.constant 0.0 : f32
  %w = arith.constant 0.0 : f64
  %zero = arith.constant 0 : index
  %a = memref.alloc() : memref<1025xf32>
  memref.store %v, %a[%zero] : memref<1025xf32>
  %b = memref.alloc(%n) : memref<?x8xf64>
  memref.store %w, %b[%zero, %zero] : memref<?x8xf64>
  return
}

// Memory is not asked for again in every round of a loop; each tile of a parallel
// loop has its own.
// CHECK-LABEL: func.func @loops
// CHECK: scf.forall
// CHECK: torsh_cpu.scratch
// CHECK: scf.for
// CHECK-NOT: torsh_cpu.scratch
// CHECK: memref.store
func.func @loops(%worker: !llvm.ptr) attributes {torsh.kernel} {
  %v = arith.constant 0.0 : f32
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.forall (%i) = (0) to (8) step (1) {
    scf.for %j = %zero to %i step %one {
      %a = memref.alloc() : memref<2048xf32>
      memref.store %v, %a[%j] : memref<2048xf32>
    }
  }
  return
}
