// SPDX-License-Identifier: Apache-2.0
// RUN: torsh-opt %s --torsh-form-groups | FileCheck %s

// Work on weights has a group of its own, so that it can be done once...
// CHECK-LABEL: func.func @once
func.func @once(%x: tensor<8xf32>, %w: tensor<8xf32> {torsh.frozen}) -> tensor<8xf32> {
  // CHECK: torsh.exp %{{.*}} {torsh.group = [[GROUP:[0-9]+]] : i64}
  // CHECK: torsh.tanh %{{.*}} {torsh.group = [[GROUP]] : i64}
  // CHECK-NOT: torsh.mul %{{.*}} {torsh.group = [[GROUP]] : i64}
  %0 = torsh.exp %w : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.tanh %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.mul %x, %1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// ...unless calls would read more for it: eight bytes here instead of one...
// CHECK-LABEL: func.func @widened
func.func @widened(%x: tensor<8xf64>, %w: tensor<8xi8> {torsh.frozen}) -> tensor<8xf64> {
  // CHECK: torsh.cast {{.*}}torsh.group = [[GROUP:[0-9]+]] : i64
  // CHECK: torsh.mul %{{.*}} {torsh.group = [[GROUP]] : i64}
  %0 = torsh.cast %w to f64 : (tensor<8xi8>) -> tensor<8xf64>
  %1 = torsh.mul %x, %0 : (tensor<8xf64>, tensor<8xf64>) -> tensor<8xf64>
  return %1 : tensor<8xf64>
}

// ...and where the weights may change it stays with what reads it.
// CHECK-LABEL: func.func @live
func.func @live(%x: tensor<8xf32>, %w: tensor<8xf32>) -> tensor<8xf32> {
  // CHECK: torsh.exp %{{.*}} {torsh.group = [[GROUP:[0-9]+]] : i64}
  // CHECK: torsh.mul %{{.*}} {torsh.group = [[GROUP]] : i64}
  %0 = torsh.exp %w : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.mul %x, %0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}
