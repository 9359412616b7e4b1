// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @movement
// CHECK: torsh.constant dense<[1.000000e+00, -0.000000e+00]> : tensor<2xf32>
// CHECK: torsh.constant dense<true> : tensor<i1>
// CHECK: torsh.iota {axis = 1 : i64} : tensor<2x3xi64>
// CHECK: torsh.iota sizes(%{{.*}}) {axis = 0 : i64} : tensor<?x3xf16>
// CHECK: torsh.reshape %{{.*}} : (tensor<?x4x8xf32>) -> tensor<?x32xf32>
// CHECK: torsh.reshape %{{.*}} sizes(%{{.*}}, %{{.*}}) : (tensor<?x4x8xf32>) -> tensor<?x?xf32>
// CHECK: torsh.broadcast %{{.*}} : (tensor<1x4xi8>) -> tensor<2x3x4xi8>
// CHECK: torsh.broadcast %{{.*}} sizes(%{{.*}}) : (tensor<1x4xi8>) -> tensor<?x4xi8>
// CHECK: torsh.permute %{{.*}} {permutation = array<i64: 2, 0, 1>} : (tensor<?x4x8xf32>) -> tensor<8x?x4xf32>
// CHECK: torsh.slice %{{.*}} {start = array<i64: 1, 3, 7>, stop = array<i64: 9223372036854775807, -5, 0>, stride = array<i64: 2, -1, -3>} : (tensor<?x4x8xf32>) -> tensor<?x4x3xf32>
// CHECK: torsh.slice %{{.*}} {start = array<i64: 1, 0, 4>, stop = array<i64: 3, 4, 2>, stride = array<i64: 1, 1, 1>} : (tensor<?x4x8xf32>) -> tensor<2x4x0xf32>
// CHECK: torsh.concat %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<1x4xi8>, tensor<0x4xi8>, tensor<1x4xi8>) -> tensor<2x4xi8>
// CHECK: torsh.pad %{{.*}}, %{{.*}} {high = array<i64: 0, 1, 2>, low = array<i64: 3, 0, 0>} : (tensor<?x4x8xf32>, tensor<f32>) -> tensor<?x5x10xf32>
func.func @movement(%x: tensor<?x4x8xf32>, %n: index, %s: tensor<1x4xi8>, %v: tensor<f32>, %e: tensor<0x4xi8>) {
  %0 = torsh.constant dense<[1.000000e+00, -0.000000e+00]> : tensor<2xf32>
  %1 = torsh.constant dense<true> : tensor<i1>
  %2 = torsh.iota {axis = 1 : i64} : tensor<2x3xi64>
  %3 = torsh.iota sizes(%n) {axis = 0 : i64} : tensor<?x3xf16>
  %4 = torsh.reshape %x : (tensor<?x4x8xf32>) -> tensor<?x32xf32>
  %5 = torsh.reshape %x sizes(%n, %n) : (tensor<?x4x8xf32>) -> tensor<?x?xf32>
  %6 = torsh.broadcast %s : (tensor<1x4xi8>) -> tensor<2x3x4xi8>
  %7 = torsh.broadcast %s sizes(%n) : (tensor<1x4xi8>) -> tensor<?x4xi8>
  %8 = torsh.permute %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x4x8xf32>) -> tensor<8x?x4xf32>
  %9 = torsh.slice %x {start = array<i64: 1, 3, 7>, stop = array<i64: 9223372036854775807, -5, 0>, stride = array<i64: 2, -1, -3>} : (tensor<?x4x8xf32>) -> tensor<?x4x3xf32>
  %10 = torsh.slice %x {start = array<i64: 1, 0, 4>, stop = array<i64: 3, 4, 2>, stride = array<i64: 1, 1, 1>} : (tensor<?x4x8xf32>) -> tensor<2x4x0xf32>
  %11 = torsh.concat %s, %e, %s {axis = 0 : i64} : (tensor<1x4xi8>, tensor<0x4xi8>, tensor<1x4xi8>) -> tensor<2x4xi8>
  %12 = torsh.pad %x, %v {high = array<i64: 0, 1, 2>, low = array<i64: 3, 0, 0>} : (tensor<?x4x8xf32>, tensor<f32>) -> tensor<?x5x10xf32>
  return
}
