// RUN: torsh-opt %s --torsh-cpu-convert-to-llvm | FileCheck %s

// The kernel's own function is internal; its entry loads pointers and sizes.
// CHECK-LABEL: llvm.func internal @exp.body(%arg0: !llvm.ptr {llvm.noalias}, %arg1: i64, %arg2: !llvm.ptr)
// CHECK-NOT: torsh.
// The worker's functions are called through it: 0 runs a parallel loop, 1 gives memory.
// CHECK: %[[SCRATCH_SLOT:.+]] = llvm.getelementptr %arg2[1]
// CHECK: %[[SCRATCH:.+]] = llvm.load %[[SCRATCH_SLOT]]
// CHECK: llvm.call %[[SCRATCH]](%arg2, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64) -> !llvm.ptr
// CHECK: %[[CAPTURES:.+]] = llvm.alloca {{.*}} !llvm.struct<(ptr, i64)>
// CHECK: %[[TASK:.+]] = llvm.mlir.addressof @exp.parallel_0.unpack
// CHECK: %[[GRAIN:.+]] = llvm.mlir.constant(4 : i64)
// CHECK: %[[FOR_SLOT:.+]] = llvm.getelementptr %arg2[0]
// CHECK: %[[FOR:.+]] = llvm.load %[[FOR_SLOT]]
// CHECK: llvm.call %[[FOR]](%arg2, %[[TASK]], %[[CAPTURES]], %arg1, %[[GRAIN]])

// CHECK-LABEL: llvm.func @torsh_kernel_exp(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: !llvm.ptr)
// CHECK: %[[POINTER:.+]] = llvm.load %{{.*}} : !llvm.ptr -> !llvm.ptr
// CHECK: %[[SIZE:.+]] = llvm.load %{{.*}} : !llvm.ptr -> i64
// CHECK: llvm.call @exp.body(%[[POINTER]], %[[SIZE]], %arg2)
func.func @exp(%x: memref<f32> {llvm.noalias}, %n: index, %worker: !llvm.ptr)
    attributes {torsh.kernel, torsh.num_pointers = 1 : i64} {
  %bytes = arith.constant 8192 : index
  %buffer = torsh_cpu.scratch %worker, %bytes : memref<f32>
  torsh_cpu.parallel_for @exp.parallel_0(%n, %worker) captures(%x, %n) {grain = 4 : i64} : memref<f32>, index
  return
}

// expm1 near 0 needs the C library: exp(x) - 1 cancels.
// CHECK: llvm.func internal @exp.parallel_0
// CHECK: llvm.call @expm1f
// CHECK-NOT: llvm.intr.exp
func.func private @exp.parallel_0(%x: memref<f32>, %n: index, %begin: index, %end: index, %worker: !llvm.ptr) attributes {torsh.task} {
  %v = memref.load %x[] : memref<f32>
  %e = math.expm1 %v : f32
  memref.store %e, %x[] : memref<f32>
  return
}

// Parts of vectors of 16-bit floats are stored as integers.
// CHECK-LABEL: llvm.func internal @part
// CHECK: %[[BITS:.+]] = llvm.bitcast %{{.+}} : vector<8xbf16> to vector<8xi16>
// CHECK: llvm.intr.masked.store %[[BITS]]
func.func private @part(%x: memref<8xbf16>, %mask: vector<8xi1>, %begin: index, %end: index, %worker: !llvm.ptr) attributes {torsh.task} {
  %v = vector.load %x[%begin] : memref<8xbf16>, vector<8xbf16>
  vector.maskedstore %x[%end], %mask, %v : memref<8xbf16>, vector<8xi1>, vector<8xbf16>
  return
}

// The host function is no code of this target.
// CHECK-NOT: @main
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  return %x : tensor<8xf32>
}

// CHECK-LABEL: llvm.func internal @exp.parallel_0.unpack
// CHECK: llvm.call @exp.parallel_0(
