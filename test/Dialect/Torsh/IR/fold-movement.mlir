// RUN: torsh-opt %s --split-input-file --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @identities
// CHECK-NEXT: return %arg0, %arg0, %arg1, %arg0, %arg1
func.func @identities(%x: tensor<2x3xf32>, %d: tensor<?x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<?x3xf32>, tensor<2x3xf32>, tensor<?x3xf32>) {
  %0 = torsh.reshape %x : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = torsh.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
  %2 = torsh.reshape %1 : (tensor<6xf32>) -> tensor<2x3xf32>
  %3 = torsh.permute %d {permutation = array<i64: 0, 1>} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %4 = torsh.slice %x {start = array<i64: 0, 0>, stop = array<i64: 2, 3>, stride = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %5 = torsh.concat %d {axis = 0 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  return %0, %2, %3, %4, %5 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<?x3xf32>, tensor<2x3xf32>, tensor<?x3xf32>
}

// -----

// CHECK-LABEL: func.func @constant
// CHECK: torsh.constant dense<{{\[}}[1, 2], [3, 4]]> : tensor<2x2xi32>
func.func @constant() -> tensor<2x2xi32> {
  %c = torsh.constant dense<[1, 2, 3, 4]> : tensor<4xi32>
  %0 = torsh.reshape %c : (tensor<4xi32>) -> tensor<2x2xi32>
  return %0 : tensor<2x2xi32>
}

// -----

// What moves elements stays, and so does a '?' that may be another, or a check of a bound.
// CHECK-LABEL: func.func @stays
// CHECK: torsh.permute
// CHECK: torsh.slice
// CHECK: torsh.slice
// CHECK: torsh.reshape
func.func @stays(%x: tensor<2x2xf32>, %d: tensor<?x?xf32>, %n: index) -> (tensor<2x2xf32>, tensor<2x2xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
  %0 = torsh.permute %x {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = torsh.slice %x {start = array<i64: 1, 0>, stop = array<i64: -1, 2>, stride = array<i64: -1, 1>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = torsh.slice %d {start = array<i64: 1, 0>, stop = array<i64: 9223372036854775807, 9223372036854775807>, stride = array<i64: 1, 1>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %3 = torsh.reshape %d sizes(%n, %n) : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0, %1, %2, %3 : tensor<2x2xf32>, tensor<2x2xf32>, tensor<?x?xf32>, tensor<?x?xf32>
}
