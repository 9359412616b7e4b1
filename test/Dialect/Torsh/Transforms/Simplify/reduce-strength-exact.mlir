// RUN: torsh-opt %s --torsh-reduce-strength | FileCheck %s

// What fast alone may do: each of these rounds differently.
// CHECK-LABEL: func.func @stays
// CHECK-DAG: torsh.pow
// CHECK-DAG: torsh.div %arg0
// CHECK-DAG: torsh.div %arg0
// CHECK-DAG: torsh.sqrt
// CHECK-DAG: torsh.reciprocal
// CHECK-DAG: torsh.mean
func.func @stays(%x: tensor<3xf32>, %h: tensor<8xf16>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<8xf16>, tensor<f32>) {
  %half = torsh.constant dense<0.5> : tensor<f32>
  %three = torsh.constant dense<3.0> : tensor<f32>
  // The inverse of 2^127 is subnormal.
  %huge = torsh.constant dense<0x7F000000> : tensor<f32>
  %0 = torsh.pow %x, %half : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %1 = torsh.div %x, %three : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %2 = torsh.div %x, %huge : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  %3 = torsh.sqrt %h : (tensor<8xf16>) -> tensor<8xf16>
  %4 = torsh.reciprocal %3 : (tensor<8xf16>) -> tensor<8xf16>
  %5 = torsh.mean %x {axes = array<i64: 0>} : (tensor<3xf32>) -> tensor<f32>
  return %0, %1, %2, %4, %5 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<8xf16>, tensor<f32>
}
