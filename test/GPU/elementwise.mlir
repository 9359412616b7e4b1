// RUN: torsh-opt %s --torsh-compile-to=linalg -o %t.mlir
// RUN: torsh-opt %t.mlir --pass-pipeline='builtin.module(func.func(torsh-gpu-select-schedules{vector-bytes=16}),torsh-lower-kernels-to-gpu{vector-bytes=16},canonicalize,cse)' | FileCheck %s
// RUN: torsh-opt %t.mlir --pass-pipeline='builtin.module(func.func(torsh-gpu-select-schedules),torsh-lower-kernels-to-gpu,canonicalize,cse)' | FileCheck %s --check-prefix=SCALAR

// Without accesses of several elements there is one variant, without demands.
// SCALAR-NOT: torsh.alignment
// SCALAR: gpu.func @torsh_kernel_add_exp(
// SCALAR-NOT: torsh.alignment

// Rows of 64 are whole vectors of four. The grid takes the extent of the argument.
// CHECK-LABEL: gpu.module @add_exp_kernel
// CHECK: gpu.func @torsh_kernel_add_exp_vector4(%[[X:.*]]: memref<?xf32>, %[[B:.*]]: memref<?xf32>, %[[OUT:.*]]: memref<?xf32>, %[[N:.*]]: index, %{{.*}}: index) kernel
// CHECK-SAME: torsh.alignment = 16
// CHECK-SAME: torsh.class = "elementwise"
// CHECK-SAME: torsh.grid = [array<i64: 1024, -2, 64>]
// CHECK: scf.for
// CHECK-COUNT-4: memref.store
// CHECK-NOT: memref.store
// CHECK: gpu.func @torsh_kernel_add_exp(
// CHECK-NOT: torsh.alignment
// CHECK-SAME: torsh.grid = [array<i64: 256, -2, 64>]
// CHECK: memref.store
// CHECK-NOT: memref.store

// Bools are bytes in memory.
// CHECK-LABEL: gpu.module @not_kernel
// CHECK: gpu.func @torsh_kernel_not(%{{.*}}: memref<?xi8>, %{{.*}}: memref<?xi8>)
// CHECK-SAME: torsh.dtypes = ["i1", "i1"]
// CHECK: %[[BYTE:.*]] = memref.load %{{.*}} : memref<?xi8>
// CHECK: arith.cmpi {{eq|ne}}, %[[BYTE]], %{{.*}} : i8
// CHECK: arith.extui %{{.*}} : i1 to i8

// A last extent that is not known must be a multiple when the kernel is called.
// CHECK-LABEL: gpu.module @neg_kernel
// CHECK: torsh.divisible = array<i64: 1, 4>

// Nothing is computed.
// CHECK-LABEL: gpu.module @permute_kernel
// CHECK: torsh.class = "movement"
func.func @main(%x: tensor<?x64xf32>, %b: tensor<64xf32>, %m: tensor<7xi1>, %y: tensor<?xf32>, %z: tensor<3x5xf32>)
    -> (tensor<?x64xf32>, tensor<7xi1>, tensor<?xf32>, tensor<5x3xf32>) {
  %0 = torsh.add %x, %b : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %1 = torsh.exp %0 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %2 = torsh.not %m : (tensor<7xi1>) -> tensor<7xi1>
  %3 = torsh.neg %y : (tensor<?xf32>) -> tensor<?xf32>
  %4 = torsh.permute %z {permutation = array<i64: 1, 0>} : (tensor<3x5xf32>) -> tensor<5x3xf32>
  return %1, %2, %3, %4 : tensor<?x64xf32>, tensor<7xi1>, tensor<?xf32>, tensor<5x3xf32>
}
