// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @indexing
// CHECK: torsh.gather %{{.*}} at(%{{.*}}) {axes = array<i64: 0>} : (tensor<?x8xf32>, tensor<2x3xi64>) -> tensor<2x3x8xf32>
// CHECK: torsh.gather %{{.*}} at(%{{.*}}, %{{.*}}) {axes = array<i64: 0, 1>} : (tensor<?x8xf32>, tensor<2x3xi64>, tensor<3xui8>) -> tensor<2x3xf32>
// CHECK: torsh.take_along_axis %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<?x8xf32>, tensor<4x8xi64>) -> tensor<4x8xf32>
// CHECK: torsh.scatter %{{.*}}, %{{.*}} at(%{{.*}}) {axes = array<i64: 0>, reduction = #torsh.scatter_reduction<add>} : (tensor<?x8xf32>, tensor<2x3x8xf32>, tensor<2x3xi64>) -> tensor<?x8xf32>
// CHECK: torsh.put_along_axis %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<?x8xf32>, tensor<4x8xi64>, tensor<4x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.scan sum, %{{.*}} {axis = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.scan max, %{{.*}} {axis = 0 : i64, exclusive = true, reverse = true} : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.rank %{{.*}} {axis = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xi64>
// CHECK: torsh.argsort %{{.*}} {axis = 1 : i64, descending = true} : (tensor<?x8xf32>) -> tensor<?x8xi64>
func.func @indexing(%x: tensor<?x8xf32>, %i: tensor<2x3xi64>, %j: tensor<3xui8>, %k: tensor<4x8xi64>, %u: tensor<2x3x8xf32>, %v: tensor<4x8xf32>) {
  %0 = torsh.gather %x at (%i) {axes = array<i64: 0>} : (tensor<?x8xf32>, tensor<2x3xi64>) -> tensor<2x3x8xf32>
  %1 = torsh.gather %x at (%i, %j) {axes = array<i64: 0, 1>} : (tensor<?x8xf32>, tensor<2x3xi64>, tensor<3xui8>) -> tensor<2x3xf32>
  %2 = torsh.take_along_axis %x, %k {axis = 0 : i64} : (tensor<?x8xf32>, tensor<4x8xi64>) -> tensor<4x8xf32>
  %3 = torsh.scatter %x, %u at (%i) {axes = array<i64: 0>, reduction = #torsh.scatter_reduction<add>} : (tensor<?x8xf32>, tensor<2x3x8xf32>, tensor<2x3xi64>) -> tensor<?x8xf32>
  %4 = torsh.put_along_axis %x, %k, %v {axis = 0 : i64} : (tensor<?x8xf32>, tensor<4x8xi64>, tensor<4x8xf32>) -> tensor<?x8xf32>
  %5 = torsh.scan sum, %x {axis = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %6 = torsh.scan max, %x {axis = 0 : i64, exclusive = true, reverse = true} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %7 = torsh.rank %x {axis = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xi64>
  %8 = torsh.argsort %x {axis = 1 : i64, descending = true} : (tensor<?x8xf32>) -> tensor<?x8xi64>
  return
}

// CHECK-LABEL: func.func @bits
// CHECK: torsh.shift_left %{{.*}}, %{{.*}} : (tensor<2x3xi64>, tensor<3xi64>) -> tensor<2x3xi64>
// CHECK: torsh.shift_right %{{.*}}, %{{.*}} : (tensor<2x3xi64>, tensor<3xi64>) -> tensor<2x3xi64>
// CHECK: torsh.bitcast %{{.*}} to f64 : (tensor<2x3xi64>) -> tensor<2x3xf64>
// CHECK: torsh.philox %{{.*}}, %{{.*}} : (tensor<4xui64>, tensor<ui64>) -> tensor<4xui64>
func.func @bits(%x: tensor<2x3xi64>, %y: tensor<3xi64>, %c: tensor<4xui64>, %k: tensor<ui64>) {
  %0 = torsh.shift_left %x, %y : (tensor<2x3xi64>, tensor<3xi64>) -> tensor<2x3xi64>
  %1 = torsh.shift_right %x, %y : (tensor<2x3xi64>, tensor<3xi64>) -> tensor<2x3xi64>
  %2 = torsh.bitcast %x to f64 : (tensor<2x3xi64>) -> tensor<2x3xf64>
  %3 = torsh.philox %c, %k : (tensor<4xui64>, tensor<ui64>) -> tensor<4xui64>
  return
}
