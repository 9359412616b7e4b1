// RUN: torsh-opt %s --split-input-file --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @neutral
// CHECK-NEXT: return %arg0, %arg0, %arg0, %arg0, %arg1, %arg1
func.func @neutral(%x: tensor<?xf32>, %i: tensor<4xi8>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<4xi8>, tensor<4xi8>) {
  %one = torsh.constant dense<1.0> : tensor<f32>
  %zero = torsh.constant dense<0.0> : tensor<1xf32>
  %negative_zero = torsh.constant dense<-0.0> : tensor<f32>
  %i0 = torsh.constant dense<0> : tensor<i8>
  %i1 = torsh.constant dense<1> : tensor<4xi8>
  %0 = torsh.add %negative_zero, %x : (tensor<f32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.sub %x, %zero : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  %2 = torsh.mul %x, %one : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %3 = torsh.div %x, %one : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %4 = torsh.add %i, %i0 : (tensor<4xi8>, tensor<i8>) -> tensor<4xi8>
  %5 = torsh.mul %i1, %i : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  return %0, %1, %2, %3, %4, %5 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<4xi8>, tensor<4xi8>
}

// -----

// x + 0.0 and x - -0.0 turn -0.0 into 0.0; a wider operand broadcasts.
// CHECK-LABEL: func.func @not_neutral
// CHECK: torsh.add
// CHECK: torsh.sub
// CHECK: torsh.mul
// CHECK: torsh.mul
func.func @not_neutral(%x: tensor<4xf32>, %d: tensor<?xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<2x4xf32>, tensor<4xf32>) {
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %negative_zero = torsh.constant dense<-0.0> : tensor<f32>
  %ones = torsh.constant dense<1.0> : tensor<2x4xf32>
  %four = torsh.constant dense<1.0> : tensor<4xf32>
  %0 = torsh.add %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = torsh.sub %x, %negative_zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = torsh.mul %x, %ones : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %3 = torsh.mul %d, %four : (tensor<?xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %1, %2, %3 : tensor<4xf32>, tensor<4xf32>, tensor<2x4xf32>, tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @unary
// CHECK-NEXT: return %arg0, %arg0
func.func @unary(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %0 = torsh.neg %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.neg %0 : (tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.cast %x to f32 : (tensor<?xf32>) -> tensor<?xf32>
  return %1, %2 : tensor<?xf32>, tensor<?xf32>
}

// -----

// Constants go last in what commutes, and only there.
// CHECK-LABEL: func.func @commute
// CHECK: torsh.maximum %arg0, %[[C:.*]] :
// CHECK: torsh.sub %[[C]], %arg0
func.func @commute(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %c = torsh.constant dense<2.0> : tensor<f32>
  %0 = torsh.maximum %c, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %1 = torsh.sub %c, %x : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
