// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @reduction
// CHECK: torsh.sum %{{.*}} {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
// CHECK: torsh.prod %{{.*}} {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
// CHECK: torsh.amax %{{.*}} {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
// CHECK: torsh.amin %{{.*}} {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
// CHECK: torsh.mean %{{.*}} {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
// CHECK: torsh.sum %{{.*}} {axes = array<i64: 1>, keepdims = true} : (tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
// CHECK: torsh.mean %{{.*}} {axes = array<i64: 1>, keepdims = true} : (tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
// CHECK: torsh.any %{{.*}} {axes = array<i64: 0>} : (tensor<?xi1>) -> tensor<i1>
// CHECK: torsh.all %{{.*}} {axes = array<i64: 0>} : (tensor<?xi1>) -> tensor<i1>
// CHECK: torsh.argmax %{{.*}} {axis = 1 : i64} : (tensor<?x4x8xf32>) -> tensor<?x8xi64>
// CHECK: torsh.argmin %{{.*}} {axis = 2 : i64, keepdims = true} : (tensor<?x4x8xf32>) -> tensor<?x4x1xi64>
func.func @reduction(%x: tensor<?x4x8xf32>, %p: tensor<?xi1>) {
  %0 = torsh.sum %x {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
  %1 = torsh.prod %x {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
  %2 = torsh.amax %x {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
  %3 = torsh.amin %x {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
  %4 = torsh.mean %x {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
  %5 = torsh.sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  %6 = torsh.mean %x {axes = array<i64: 1>, keepdims = true} : (tensor<?x4x8xf32>) -> tensor<?x1x8xf32>
  %7 = torsh.any %p {axes = array<i64: 0>} : (tensor<?xi1>) -> tensor<i1>
  %8 = torsh.all %p {axes = array<i64: 0>} : (tensor<?xi1>) -> tensor<i1>
  %9 = torsh.argmax %x {axis = 1 : i64} : (tensor<?x4x8xf32>) -> tensor<?x8xi64>
  %10 = torsh.argmin %x {axis = 2 : i64, keepdims = true} : (tensor<?x4x8xf32>) -> tensor<?x4x1xi64>
  return
}
