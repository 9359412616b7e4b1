// SPDX-License-Identifier: Apache-2.0
// RUN: torsh-opt %s --split-input-file --torsh-fold-batch-norms | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK-SAME: %[[X:.*]]: tensor<1x3x8x8xf32>, %[[W:[^:]*]]: tensor<4x3x3x3xf32>
// CHECK: %[[S:.*]] = torsh.mul %{{.*}}, %{{.*}} : (tensor<4xf32>, tensor<4xf32>)
// CHECK: %[[C:.*]] = torsh.reshape %[[S]] : (tensor<4xf32>) -> tensor<4x1x1x1xf32>
// CHECK: %[[V:.*]] = torsh.mul %[[W]], %[[C]]
// CHECK: %[[R:.*]] = torsh.conv %[[X]], %[[V]] bias(
// CHECK-NOT: torsh.batch_norm
// CHECK: return %[[R]]
func.func @conv(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32> {torsh.frozen}, %b: tensor<4xf32> {torsh.frozen},
    %m: tensor<4xf32> {torsh.frozen}, %v: tensor<4xf32> {torsh.frozen}, %g: tensor<4xf32> {torsh.frozen}, %s: tensor<4xf32> {torsh.frozen}) -> tensor<1x4x6x6xf32> {
  %0 = torsh.conv %x, %w bias(%b) {stride = array<i64: 1, 1>, padding_low = array<i64: 0, 0>, padding_high = array<i64: 0, 0>, dilation = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<1x4x6x6xf32>
  %1 = torsh.batch_norm %0, %m, %v weight(%g) bias(%s) {eps = 1.0e-05 : f64} : (tensor<1x4x6x6xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x6x6xf32>
  return %1 : tensor<1x4x6x6xf32>
}

// -----

// CHECK-LABEL: func.func @linear
// CHECK: torsh.linear %{{.*}}, %{{.*}} bias(
// CHECK-NOT: torsh.batch_norm
func.func @linear(%x: tensor<?x8xf64>, %w: tensor<4x8xf64> {torsh.frozen}, %m: tensor<4xf64> {torsh.frozen}, %v: tensor<4xf64> {torsh.frozen}) -> tensor<?x4xf64> {
  %0 = torsh.linear %x, %w : (tensor<?x8xf64>, tensor<4x8xf64>) -> tensor<?x4xf64>
  %1 = torsh.batch_norm %0, %m, %v {eps = 1.0e-05 : f64} : (tensor<?x4xf64>, tensor<4xf64>, tensor<4xf64>) -> tensor<?x4xf64>
  return %1 : tensor<?x4xf64>
}

// -----

// Weights that may change.
// CHECK-LABEL: func.func @live
// CHECK: torsh.batch_norm
func.func @live(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %m: tensor<4xf32> {torsh.frozen}, %v: tensor<4xf32> {torsh.frozen}) -> tensor<2x4xf32> {
  %0 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %1 = torsh.batch_norm %0, %m, %v {eps = 1.0e-05 : f64} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}

// -----

// Something else uses the layer's result.
// CHECK-LABEL: func.func @used
// CHECK: torsh.batch_norm
func.func @used(%x: tensor<2x8xf32>, %w: tensor<4x8xf32> {torsh.frozen}, %m: tensor<4xf32> {torsh.frozen}, %v: tensor<4xf32> {torsh.frozen}) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  %1 = torsh.batch_norm %0, %m, %v {eps = 1.0e-05 : f64} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %1, %0 : tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Axis 1 is not that of the layer's outputs.
// CHECK-LABEL: func.func @sequence
// CHECK: torsh.batch_norm
func.func @sequence(%x: tensor<2x4x8xf32>, %w: tensor<4x8xf32> {torsh.frozen}, %m: tensor<4xf32> {torsh.frozen}, %v: tensor<4xf32> {torsh.frozen}) -> tensor<2x4x4xf32> {
  %0 = torsh.linear %x, %w : (tensor<2x4x8xf32>, tensor<4x8xf32>) -> tensor<2x4x4xf32>
  %1 = torsh.batch_norm %0, %m, %v {eps = 1.0e-05 : f64} : (tensor<2x4x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x4x4xf32>
  return %1 : tensor<2x4x4xf32>
}

// -----

// The weights of bf16 would be rounded again.
// CHECK-LABEL: func.func @narrow
// CHECK: torsh.batch_norm
func.func @narrow(%x: tensor<2x8xbf16>, %w: tensor<4x8xbf16> {torsh.frozen}, %m: tensor<4xbf16> {torsh.frozen}, %v: tensor<4xbf16> {torsh.frozen}) -> tensor<2x4xbf16> {
  %0 = torsh.linear %x, %w : (tensor<2x8xbf16>, tensor<4x8xbf16>) -> tensor<2x4xbf16>
  %1 = torsh.batch_norm %0, %m, %v {eps = 1.0e-05 : f64} : (tensor<2x4xbf16>, tensor<4xbf16>, tensor<4xbf16>) -> tensor<2x4xbf16>
  return %1 : tensor<2x4xbf16>
}
