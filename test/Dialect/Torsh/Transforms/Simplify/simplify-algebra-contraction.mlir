// RUN: torsh-opt %s --split-input-file --torsh-simplify-algebra | FileCheck %s

// CHECK-LABEL: func.func @transposed_weight
// CHECK-NEXT: %[[L:.*]] = torsh.linear %arg0, %arg1 bias(%arg2) : (tensor<?x5x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<?x5x4xf32>
// CHECK-NEXT: return %[[L]]
func.func @transposed_weight(%x: tensor<?x5x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>) -> tensor<?x5x4xf32> {
  %0 = torsh.permute %w {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %1 = torsh.matmul %x, %0 : (tensor<?x5x8xf32>, tensor<8x4xf32>) -> tensor<?x5x4xf32>
  %2 = torsh.add %b, %1 : (tensor<4xf32>, tensor<?x5x4xf32>) -> tensor<?x5x4xf32>
  return %2 : tensor<?x5x4xf32>
}

// -----

// f16 rounds the product before the sum; a second use needs the product; a batched
// weight is no linear's; a residual is no bias.
// CHECK-LABEL: func.func @not_a_bias
// CHECK: torsh.linear %{{.*}}, %{{.*}} :
// CHECK: torsh.add
// CHECK: torsh.linear %{{.*}}, %{{.*}} :
// CHECK: torsh.add
// CHECK: torsh.add
// CHECK: torsh.matmul
func.func @not_a_bias(%h: tensor<2x8xf16>, %v: tensor<4x8xf16>, %a: tensor<4xf16>, %x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>, %r: tensor<2x4xf32>, %batch: tensor<3x4x8xf32>) -> (tensor<2x4xf16>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<3x2x4xf32>) {
  %0 = torsh.linear %h, %v : (tensor<2x8xf16>, tensor<4x8xf16>) -> tensor<2x4xf16>
  %1 = torsh.add %0, %a : (tensor<2x4xf16>, tensor<4xf16>) -> tensor<2x4xf16>
  %2 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %3 = torsh.add %2, %b : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %4 = torsh.add %2, %r : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %5 = torsh.permute %batch {permutation = array<i64: 0, 2, 1>} : (tensor<3x4x8xf32>) -> tensor<3x8x4xf32>
  %6 = torsh.matmul %x, %5 : (tensor<2x8xf32>, tensor<3x8x4xf32>) -> tensor<3x2x4xf32>
  return %1, %3, %4, %6 : tensor<2x4xf16>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<3x2x4xf32>
}

// -----

// CHECK-LABEL: func.func @reductions
// CHECK-DAG: %[[A:.*]] = torsh.amax %arg0 {axes = array<i64: 0, 1>}
// CHECK-DAG: %[[S:.*]] = torsh.sum %arg1 {axes = array<i64: 0, 2>, keepdims = true}
// CHECK-DAG: %[[R:.*]] = torsh.reshape %arg2 : (tensor<1x?xf32>) -> tensor<?xf32>
// CHECK: return %[[A]], %[[S]], %[[R]], %arg2
func.func @reductions(%x: tensor<2x3x?xf32>, %i: tensor<2x3x4xi32>, %u: tensor<1x?xf32>) -> (tensor<?xf32>, tensor<1x3x1xi32>, tensor<?xf32>, tensor<1x?xf32>) {
  %0 = torsh.amax %x {axes = array<i64: 1>} : (tensor<2x3x?xf32>) -> tensor<2x?xf32>
  %1 = torsh.amax %0 {axes = array<i64: 0>} : (tensor<2x?xf32>) -> tensor<?xf32>
  %2 = torsh.sum %i {axes = array<i64: 2>, keepdims = true} : (tensor<2x3x4xi32>) -> tensor<2x3x1xi32>
  %3 = torsh.sum %2 {axes = array<i64: 0>, keepdims = true} : (tensor<2x3x1xi32>) -> tensor<1x3x1xi32>
  %4 = torsh.amin %u {axes = array<i64: 0>} : (tensor<1x?xf32>) -> tensor<?xf32>
  %5 = torsh.amax %u {axes = array<i64: 0>, keepdims = true} : (tensor<1x?xf32>) -> tensor<1x?xf32>
  return %1, %3, %4, %5 : tensor<?xf32>, tensor<1x3x1xi32>, tensor<?xf32>, tensor<1x?xf32>
}

// -----

// Float sums are not regrouped, and a sum of one -0.0 is 0.0.
// CHECK-LABEL: func.func @float_sums_stay
// CHECK-COUNT-3: torsh.sum
func.func @float_sums_stay(%x: tensor<2x3xf32>, %u: tensor<1x3xf32>) -> (tensor<f32>, tensor<3xf32>) {
  %0 = torsh.sum %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2xf32>
  %1 = torsh.sum %0 {axes = array<i64: 0>} : (tensor<2xf32>) -> tensor<f32>
  %2 = torsh.sum %u {axes = array<i64: 0>} : (tensor<1x3xf32>) -> tensor<3xf32>
  return %1, %2 : tensor<f32>, tensor<3xf32>
}
