// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// Axes say where they are among those that are not 1; -1 is one that is.
// CHECK-LABEL: func.func @heads_inside
// CHECK: %[[INIT:.*]] = tensor.empty() : tensor<5x4x8xf32>
// CHECK: torsh.streamed_attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) into %[[INIT]]
// CHECK-SAME: group = 2 : i64
// CHECK-SAME: init_axes = array<i64: -1, 1, 0, 2>
// CHECK-SAME: key_axes = array<i64: -1, 1, 0, 2>
// CHECK-SAME: mask_axes = array<i64: -1, -1, -1, 0>
// CHECK-SAME: masked_score = 0xFFF0000000000000
// CHECK-SAME: query_axes = array<i64: -1, 1, 0, 2>
// CHECK-SAME: value_axes = array<i64: -1, 0, 1, 2>
torsh.kernel @heads_inside(%q: tensor<1x5x4x8xf32>, %k: tensor<1x7x2x8xf32>, %v: tensor<1x2x7x8xf32>, %m: tensor<1x1x7xi1>) -> tensor<1x5x4x8xf32> {
  %0 = torsh.attention %q, %k, %v mask(%m) {scale = 1.0, query_axes = array<i64: 0, 2, 1, 3>,
      key_axes = array<i64: 0, 2, 1, 3>, result_axes = array<i64: 0, 2, 1, 3>}
      : (tensor<1x5x4x8xf32>, tensor<1x7x2x8xf32>, tensor<1x2x7x8xf32>, tensor<1x1x7xi1>) -> tensor<1x5x4x8xf32>
  torsh.return %0 : tensor<1x5x4x8xf32>
}
