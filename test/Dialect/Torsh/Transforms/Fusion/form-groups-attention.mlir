// RUN: torsh-opt %s -split-input-file -torsh-form-groups -torsh-outline-kernels \
// RUN:   | FileCheck %s

// Attention reads by strides, so slices of something wider are not copied for it.
// CHECK-LABEL: torsh.kernel @slice_slice_slice_attention(
// CHECK-SAME: %{{[^:]*}}: tensor<1x16x6x64xf32>) -> tensor<1x16x2x64xf32>
// CHECK-COUNT-3: torsh.slice
// CHECK: torsh.attention
func.func @heads(%qkv: tensor<1x16x6x64xf32>) -> tensor<1x16x2x64xf32> {
  %q = torsh.slice %qkv {start = array<i64: 0, 0, 0, 0>, stop = array<i64: 1, 16, 2, 64>, stride = array<i64: 1, 1, 1, 1>} : (tensor<1x16x6x64xf32>) -> tensor<1x16x2x64xf32>
  %k = torsh.slice %qkv {start = array<i64: 0, 0, 2, 0>, stop = array<i64: 1, 16, 4, 64>, stride = array<i64: 1, 1, 1, 1>} : (tensor<1x16x6x64xf32>) -> tensor<1x16x2x64xf32>
  %v = torsh.slice %qkv {start = array<i64: 0, 0, 4, 0>, stop = array<i64: 1, 16, 6, 64>, stride = array<i64: 1, 1, 1, 1>} : (tensor<1x16x6x64xf32>) -> tensor<1x16x2x64xf32>
  %0 = torsh.attention %q, %k, %v {key_axes = array<i64: 0, 2, 1, 3>, query_axes = array<i64: 0, 2, 1, 3>, result_axes = array<i64: 0, 2, 1, 3>, value_axes = array<i64: 0, 2, 1, 3>, scale = 1.250000e-01 : f64} : (tensor<1x16x2x64xf32>, tensor<1x16x2x64xf32>, tensor<1x16x2x64xf32>) -> tensor<1x16x2x64xf32>
  return %0 : tensor<1x16x2x64xf32>
}

// -----

// Steps, and what is needed elsewhere as well, are copied.
// CHECK: torsh.kernel @slice(%{{.*}}: tensor<2x32x64xf32>)
// CHECK: torsh.kernel @slice_0(%{{.*}}: tensor<2x32x64xf32>)
// CHECK: torsh.kernel @slice_attention(%{{[^:]*}}: tensor<2x16x96xf32>,
func.func @copied(%x: tensor<2x16x96xf32>, %y: tensor<2x32x64xf32>, %z: tensor<2x32x64xf32>)
    -> (tensor<2x16x64xf32>, tensor<2x16x64xf32>) {
  %q = torsh.slice %x {start = array<i64: 0, 0, 0>, stop = array<i64: 2, 16, 64>, stride = array<i64: 1, 1, 1>} : (tensor<2x16x96xf32>) -> tensor<2x16x64xf32>
  %k = torsh.slice %y {start = array<i64: 0, 0, 0>, stop = array<i64: 2, 32, 64>, stride = array<i64: 1, 2, 1>} : (tensor<2x32x64xf32>) -> tensor<2x16x64xf32>
  %v = torsh.slice %z {start = array<i64: 0, 0, 0>, stop = array<i64: 2, 16, 64>, stride = array<i64: 1, 1, 1>} : (tensor<2x32x64xf32>) -> tensor<2x16x64xf32>
  %0 = torsh.attention %q, %k, %v {scale = 1.250000e-01 : f64} : (tensor<2x16x64xf32>, tensor<2x16x64xf32>, tensor<2x16x64xf32>) -> tensor<2x16x64xf32>
  return %0, %v : tensor<2x16x64xf32>, tensor<2x16x64xf32>
}
