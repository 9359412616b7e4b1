// RUN: torsh-opt %s --torsh-compile-to=linalg | torsh-opt --pass-pipeline='builtin.module(func.func(torsh-gpu-select-schedules),torsh-lower-kernels-to-gpu,canonicalize,cse)' | FileCheck %s

// Tiles of workgroup memory, ragged on every side: indices are clamped, what is past
// the depth is zero, and what is past the rows and columns is not stored.
// CHECK-LABEL: gpu.module @matmul_add_relu_kernel
// CHECK: gpu.func @{{.*}} workgroup(%[[ROWS:.*]] : memref<1088xf32, #gpu.address_space<workgroup>>, %[[COLUMNS:.*]] : memref<1088xf32, #gpu.address_space<workgroup>>)
// CHECK-SAME: torsh.class = "contraction"
// CHECK-SAME: torsh.grid = [array<i64: 1>, array<i64: 64, -1>, array<i64: 64, 70>]
// CHECK-SAME: register_tile = [4, 4], block = [64, 64, 16]
// CHECK: scf.for
// CHECK: scf.for {{.*}} -> (f32, f32,
// CHECK: arith.minui
// CHECK: %[[ZERO:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
// CHECK: memref.store %[[ZERO]], %[[ROWS]]
// CHECK: gpu.barrier
// CHECK: scf.for
// CHECK-COUNT-4: memref.load %[[ROWS]]
// CHECK-COUNT-4: memref.load %[[COLUMNS]]
// CHECK-COUNT-16: arith.mulf
// CHECK: gpu.barrier
// What follows the product is computed on the accumulators.
// CHECK: scf.if
// CHECK: arith.addf
// CHECK: arith.maximumf
// CHECK: memref.store

// A convolution is a product whose rows are the places of the windows.
// CHECK-LABEL: gpu.module @conv_kernel
// CHECK: torsh.class = "convolution"
// CHECK-SAME: torsh.grid = [array<i64: 1>, array<i64: 16, 7>, array<i64: 16, 2, 9, 9>]

// A vector has no columns: a reduction of rows.
// CHECK-LABEL: gpu.module @matmul_kernel
// CHECK: torsh.class = "row_reduction"
func.func @main(%x: tensor<?x50xf32>, %w: tensor<50x70xf32>, %b: tensor<70xf32>,
                %image: tensor<2x3x11x11xf32>, %kernel: tensor<7x3x3x3xf32>, %v: tensor<50x1xf32>)
    -> (tensor<?x70xf32>, tensor<2x7x9x9xf32>, tensor<?x1xf32>) {
  %0 = torsh.matmul %x, %w : (tensor<?x50xf32>, tensor<50x70xf32>) -> tensor<?x70xf32>
  %1 = torsh.add %0, %b : (tensor<?x70xf32>, tensor<70xf32>) -> tensor<?x70xf32>
  %2 = torsh.relu %1 : (tensor<?x70xf32>) -> tensor<?x70xf32>
  %3 = torsh.conv %image, %kernel {stride = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>, dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x3x11x11xf32>, tensor<7x3x3x3xf32>) -> tensor<2x7x9x9xf32>
  %4 = torsh.matmul %x, %v : (tensor<?x50xf32>, tensor<50x1xf32>) -> tensor<?x1xf32>
  return %2, %3, %4 : tensor<?x70xf32>, tensor<2x7x9x9xf32>, tensor<?x1xf32>
}
