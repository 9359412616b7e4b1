// RUN: torsh-opt %s -split-input-file -torsh-form-groups | FileCheck %s

// CHECK-LABEL: func @bias_activation
// CHECK: torsh.matmul {{.*}}torsh.group = 0
// CHECK: torsh.add {{.*}}torsh.group = 0
// CHECK: torsh.gelu {{.*}}torsh.group = 0
// CHECK: torsh.cast {{.*}}torsh.group = 0
func.func @bias_activation(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf16> {
  %0 = torsh.matmul %x, %w : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %1 = torsh.add %0, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = torsh.gelu %1 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = torsh.cast %2 to f16 : (tensor<?x4xf32>) -> tensor<?x4xf16>
  return %3 : tensor<?x4xf16>
}

// -----

// x * sigmoid(x), in which the result of the contraction is used twice.
// CHECK-LABEL: func @used_twice_inside
// CHECK: torsh.linear {{.*}}torsh.group = 0
// CHECK: torsh.sigmoid {{.*}}torsh.group = 0
// CHECK: torsh.mul {{.*}}torsh.group = 0
func.func @used_twice_inside(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) -> tensor<2x4xf32> {
  %0 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %1 = torsh.sigmoid %0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = torsh.mul %0, %1 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// -----

// CHECK: module attributes {{.*}}result of torsh.linear has other uses
// CHECK-LABEL: func @used_elsewhere
// CHECK: torsh.linear {{.*}}torsh.group = 0
// CHECK: torsh.relu {{.*}}torsh.group = 1
func.func @used_elsewhere(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %1 = torsh.relu %0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// CHECK: module attributes {{.*}}two contractions
// CHECK-LABEL: func @two_contractions
// CHECK: torsh.linear {{.*}}torsh.group = 0
// CHECK: torsh.linear {{.*}}torsh.group = 1
// CHECK: torsh.add {{.*}}torsh.group = 1
func.func @two_contractions(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %v: tensor<4x8xf32>) -> tensor<2x4xf32> {
  %0 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %1 = torsh.linear %x, %v : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %2 = torsh.add %0, %1 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// -----

// CHECK: module attributes {{.*}}torsh.relu would be computed once per use by torsh.matmul
// CHECK-LABEL: func @prologue
// CHECK: torsh.relu {{.*}}torsh.group = 0
// CHECK: torsh.matmul {{.*}}torsh.group = 1
func.func @prologue(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = torsh.relu %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = torsh.matmul %0, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

// An operand of the contraction and an operand behind it are computed together, so
// they cannot be part of its kernel.
// CHECK-LABEL: func @feeds_both_sides
// CHECK: torsh.relu {{.*}}torsh.group = 0
// CHECK: torsh.matmul {{.*}}torsh.group = 1
// CHECK: torsh.add {{.*}}torsh.group = 1
func.func @feeds_both_sides(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = torsh.relu %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = torsh.matmul %0, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = torsh.add %1, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// -----

// What broadcasts the result of the contraction is not an epilogue.
// CHECK: module attributes {{.*}}shape differs from the result of torsh.matmul
// CHECK-LABEL: func @broadcast_result
// CHECK: torsh.matmul {{.*}}torsh.group = 0
// CHECK: torsh.add {{.*}}torsh.group = 1
func.func @broadcast_result(%x: tensor<1x8xf32>, %w: tensor<8x4xf32>, %y: tensor<16x4xf32>) -> tensor<16x4xf32> {
  %0 = torsh.matmul %x, %w : (tensor<1x8xf32>, tensor<8x4xf32>) -> tensor<1x4xf32>
  %1 = torsh.add %0, %y : (tensor<1x4xf32>, tensor<16x4xf32>) -> tensor<16x4xf32>
  return %1 : tensor<16x4xf32>
}

// -----

// CHECK-LABEL: func @convolution_then_pool
// CHECK: torsh.conv {{.*}}torsh.group = 0
// CHECK: torsh.relu {{.*}}torsh.group = 0
// CHECK: torsh.max_pool {{.*}}torsh.group = 1
// CHECK: torsh.tanh {{.*}}torsh.group = 1
func.func @convolution_then_pool(%x: tensor<1x2x4x4xf32>, %w: tensor<3x2x1x1xf32>) -> tensor<1x3x2x2xf32> {
  %0 = torsh.conv %x, %w {stride = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>, dilation = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = torsh.relu %0 : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32>
  %2 = torsh.max_pool %1 {window = array<i64: 2, 2>, stride = array<i64: 2, 2>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>, dilation = array<i64: 1, 1>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x2x2xf32>
  %3 = torsh.tanh %2 : (tensor<1x3x2x2xf32>) -> tensor<1x3x2x2xf32>
  return %3 : tensor<1x3x2x2xf32>
}
