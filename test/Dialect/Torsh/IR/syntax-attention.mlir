// RUN: torsh-opt %s | torsh-opt | FileCheck %s

// CHECK-LABEL: func @plain
func.func @plain(%q: tensor<2x?x8xf32>, %k: tensor<2x?x8xf32>, %v: tensor<2x?x4xf32>) -> tensor<2x?x4xf32> {
  // CHECK: torsh.attention %{{.*}}, %{{.*}}, %{{.*}} {scale = 5.000000e-01 : f64}
  %0 = torsh.attention %q, %k, %v {scale = 0.5}
      : (tensor<2x?x8xf32>, tensor<2x?x8xf32>, tensor<2x?x4xf32>) -> tensor<2x?x4xf32>
  return %0 : tensor<2x?x4xf32>
}

// CHECK-LABEL: func @grouped
func.func @grouped(%q: tensor<1x5x8x4xbf16>, %k: tensor<1x7x2x4xbf16>, %v: tensor<1x2x7x4xbf16>,
                   %m: tensor<5x7xi1>) -> tensor<1x5x8x4xbf16> {
  // CHECK: torsh.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {causal = true
  %0 = torsh.attention %q, %k, %v mask(%m) {
      causal = true, masked_score = -1.0e4, zero_masked_rows = true, scale = 1.0,
      query_axes = array<i64: 0, 2, 1, 3>, key_axes = array<i64: 0, 2, 1, 3>,
      result_axes = array<i64: 0, 2, 1, 3>}
      : (tensor<1x5x8x4xbf16>, tensor<1x7x2x4xbf16>, tensor<1x2x7x4xbf16>, tensor<5x7xi1>)
      -> tensor<1x5x8x4xbf16>
  return %0 : tensor<1x5x8x4xbf16>
}

// CHECK-LABEL: func @in_a_kernel
func.func @in_a_kernel(%q: memref<5x8xf32>, %k: memref<7x8xf32>, %v: memref<7x8xf32>, %r: memref<5x8xf32>) {
  // CHECK: torsh.streamed_attention %{{.*}}, %{{.*}}, %{{.*}} into %{{.*}} {
  torsh.streamed_attention %q, %k, %v into %r {
      causal = false, group = 1 : i64, init_axes = array<i64: -1, 0, 1>,
      key_axes = array<i64: -1, 0, 1>, mask_axes = array<i64>, masked_score = 0.0,
      query_axes = array<i64: -1, 0, 1>, scale = 1.0, value_axes = array<i64: -1, 0, 1>,
      zero_masked_rows = false}
      : (memref<5x8xf32>, memref<7x8xf32>, memref<7x8xf32>, memref<5x8xf32>) -> ()
  return
}
