// RUN: torsh-opt %s --split-input-file --torsh-simplify-algebra | FileCheck %s

// CHECK-LABEL: func.func @casts
// CHECK-NEXT: torsh.matmul %arg0, %arg1 {dtype = i32} : (tensor<?x8xui8>, tensor<8x4xi8>) -> tensor<?x4xi32>
// CHECK-NEXT: torsh.linear %arg0, %arg2 bias(%arg3) {dtype = i32} : (tensor<?x8xui8>, tensor<4x8xi8>, tensor<4xi32>) -> tensor<?x4xi32>
// CHECK-NEXT: return
func.func @casts(%x: tensor<?x8xui8>, %w: tensor<8x4xi8>, %v: tensor<4x8xi8>, %b: tensor<4xi32>) -> (tensor<?x4xi32>, tensor<?x4xi32>) {
  %0 = torsh.cast %x to i32 : (tensor<?x8xui8>) -> tensor<?x8xi32>
  %1 = torsh.cast %w to i32 : (tensor<8x4xi8>) -> tensor<8x4xi32>
  %2 = torsh.matmul %0, %1 : (tensor<?x8xi32>, tensor<8x4xi32>) -> tensor<?x4xi32>
  %3 = torsh.cast %v to i32 : (tensor<4x8xi8>) -> tensor<4x8xi32>
  %4 = torsh.linear %0, %3 bias(%b) : (tensor<?x8xi32>, tensor<4x8xi32>, tensor<4xi32>) -> tensor<?x4xi32>
  return %2, %4 : tensor<?x4xi32>, tensor<?x4xi32>
}

// -----

// CHECK-LABEL: func.func @zero_points
// CHECK-SAME: (%[[X:.*]]: tensor<32x8xui8>, %[[Z:.*]]: tensor<32x1xi32>, %[[W:.*]]: tensor<8x16xi8>, %[[Y:.*]]: tensor<16xi32>)
// CHECK-DAG: %[[P:.*]] = torsh.matmul %[[X]], %[[W]] {dtype = i32}
// CHECK-DAG: %[[WIDE:.*]] = torsh.cast %[[W]] to i32
// CHECK-DAG: %[[CENTRED:.*]] = torsh.sub %[[WIDE]], %[[Y]]
// CHECK-DAG: %[[COLUMNS:.*]] = torsh.sum %[[CENTRED]] {axes = array<i64: 0>, keepdims = true}
// CHECK-DAG: %[[ROWS:.*]] = torsh.sum %{{.*}} {axes = array<i64: 1>, keepdims = true} : (tensor<32x8xi32>)
// CHECK-DAG: torsh.mul %[[Z]], %[[COLUMNS]]
// CHECK-DAG: torsh.mul %[[Y]], %[[ROWS]]
func.func @zero_points(%x: tensor<32x8xui8>, %z: tensor<32x1xi32>, %w: tensor<8x16xi8>, %y: tensor<16xi32>) -> tensor<32x16xi32> {
  %0 = torsh.cast %x to i32 : (tensor<32x8xui8>) -> tensor<32x8xi32>
  %1 = torsh.sub %0, %z : (tensor<32x8xi32>, tensor<32x1xi32>) -> tensor<32x8xi32>
  %2 = torsh.cast %w to i32 : (tensor<8x16xi8>) -> tensor<8x16xi32>
  %3 = torsh.sub %2, %y : (tensor<8x16xi32>, tensor<16xi32>) -> tensor<8x16xi32>
  %4 = torsh.matmul %1, %3 : (tensor<32x8xi32>, tensor<8x16xi32>) -> tensor<32x16xi32>
  return %4 : tensor<32x16xi32>
}

// -----

// A constant zero point; the margin of a convolution is the zero point.
// CHECK-LABEL: func.func @convolution
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x5xui8>, %[[W:.*]]: tensor<3x2x3xi8>)
// CHECK: %[[MARGIN:.*]] = torsh.constant dense<7> : tensor<ui8>
// CHECK: %[[PADDED:.*]] = torsh.pad %[[X]], %[[MARGIN]] {high = array<i64: 0, 0, 1>, low = array<i64: 0, 0, 1>}
// CHECK: torsh.conv %[[PADDED]], %[[W]] {{{.*}}dtype = i32{{.*}}padding_high = array<i64: 0>, padding_low = array<i64: 0>
// CHECK: torsh.sum
func.func @convolution(%x: tensor<1x2x5xui8>, %w: tensor<3x2x3xi8>) -> tensor<1x3x5xi32> {
  %z = torsh.constant dense<7> : tensor<i32>
  %0 = torsh.cast %x to i32 : (tensor<1x2x5xui8>) -> tensor<1x2x5xi32>
  %1 = torsh.sub %0, %z : (tensor<1x2x5xi32>, tensor<i32>) -> tensor<1x2x5xi32>
  %2 = torsh.cast %w to i32 : (tensor<3x2x3xi8>) -> tensor<3x2x3xi32>
  %3 = torsh.conv %1, %2 {stride = array<i64: 1>, padding_low = array<i64: 1>, padding_high = array<i64: 1>, dilation = array<i64: 1>} : (tensor<1x2x5xi32>, tensor<3x2x3xi32>) -> tensor<1x3x5xi32>
  return %3 : tensor<1x3x5xi32>
}

// -----

// A zero point that differs along the sum; few rows, for which the sums cost as much as
// the product; sums in i64; a factor that is no byte.
// CHECK-LABEL: func.func @wide
// CHECK-NOT: dtype = i32}
func.func @wide(%x: tensor<32x8xi8>, %z: tensor<8xi32>, %w: tensor<8x16xi8>, %row: tensor<1x8xi8>, %y: tensor<i32>, %h: tensor<8x16xi16>) -> (tensor<32x16xi32>, tensor<1x16xi32>, tensor<32x16xi64>, tensor<32x16xi32>) {
  %0 = torsh.cast %x to i32 : (tensor<32x8xi8>) -> tensor<32x8xi32>
  %1 = torsh.sub %0, %z : (tensor<32x8xi32>, tensor<8xi32>) -> tensor<32x8xi32>
  %2 = torsh.cast %w to i32 : (tensor<8x16xi8>) -> tensor<8x16xi32>
  %3 = torsh.matmul %1, %2 : (tensor<32x8xi32>, tensor<8x16xi32>) -> tensor<32x16xi32>
  %4 = torsh.cast %row to i32 : (tensor<1x8xi8>) -> tensor<1x8xi32>
  %5 = torsh.sub %4, %y : (tensor<1x8xi32>, tensor<i32>) -> tensor<1x8xi32>
  %6 = torsh.matmul %5, %2 : (tensor<1x8xi32>, tensor<8x16xi32>) -> tensor<1x16xi32>
  %7 = torsh.cast %x to i64 : (tensor<32x8xi8>) -> tensor<32x8xi64>
  %8 = torsh.cast %w to i64 : (tensor<8x16xi8>) -> tensor<8x16xi64>
  %9 = torsh.matmul %7, %8 : (tensor<32x8xi64>, tensor<8x16xi64>) -> tensor<32x16xi64>
  %10 = torsh.cast %h to i32 : (tensor<8x16xi16>) -> tensor<8x16xi32>
  %11 = torsh.matmul %0, %10 : (tensor<32x8xi32>, tensor<8x16xi32>) -> tensor<32x16xi32>
  return %3, %6, %9, %11 : tensor<32x16xi32>, tensor<1x16xi32>, tensor<32x16xi64>, tensor<32x16xi32>
}
