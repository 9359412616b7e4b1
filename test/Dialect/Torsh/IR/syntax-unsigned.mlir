// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @widths
// CHECK: torsh.constant dense<[0, 200, 255]> : tensor<3xui8>
// CHECK: torsh.constant dense<65535> : tensor<ui16>
// CHECK: torsh.constant dense<4294967295> : tensor<ui32>
// CHECK: torsh.constant dense<18446744073709551615> : tensor<ui64>
// CHECK: torsh.add %{{.*}}, %{{.*}} : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
// CHECK: torsh.cast %{{.*}} to ui64 : (tensor<3xui8>) -> tensor<3xui64>
// CHECK: torsh.cast %{{.*}} to f32 : (tensor<3xui64>) -> tensor<3xf32>
// CHECK: torsh.iota {axis = 0 : i64} : tensor<4xui16>
// CHECK: torsh.argmax %{{.*}} {axis = 0 : i64} : (tensor<3xui64>) -> tensor<i64>
func.func @widths() -> (tensor<3xf32>, tensor<ui16>, tensor<ui32>, tensor<ui64>, tensor<4xui16>, tensor<i64>) {
  %0 = torsh.constant dense<[0, 200, 255]> : tensor<3xui8>
  %1 = torsh.constant dense<65535> : tensor<ui16>
  %2 = torsh.constant dense<4294967295> : tensor<ui32>
  %3 = torsh.constant dense<18446744073709551615> : tensor<ui64>
  %4 = torsh.add %0, %0 : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  %5 = torsh.cast %4 to ui64 : (tensor<3xui8>) -> tensor<3xui64>
  %6 = torsh.cast %5 to f32 : (tensor<3xui64>) -> tensor<3xf32>
  %7 = torsh.iota {axis = 0 : i64} : tensor<4xui16>
  %8 = torsh.argmax %5 {axis = 0 : i64} : (tensor<3xui64>) -> tensor<i64>
  return %6, %1, %2, %3, %7, %8 : tensor<3xf32>, tensor<ui16>, tensor<ui32>, tensor<ui64>, tensor<4xui16>, tensor<i64>
}
