// RUN: torsh-opt %s --split-input-file --torsh-decompose | FileCheck %s
// RUN: torsh-opt %s --split-input-file --torsh-decompose="keep=torsh.softmax,torsh.layer_norm" | FileCheck %s --check-prefix=KEEP
// RUN: not torsh-opt %s --torsh-decompose="keep=torsh.sofmax" 2>&1 | FileCheck %s --check-prefix=WRONG

// WRONG: torsh-decompose: 'keep' names torsh.sofmax, which is no operation

// CHECK-LABEL: func.func @softmax
// CHECK: %[[MAX:.*]] = torsh.amax %arg0 {axes = array<i64: 1>, keepdims = true, torsh.may_be_empty}
// CHECK: %[[SUB:.*]] = torsh.sub %arg0, %[[MAX]]
// CHECK: %[[EXP:.*]] = torsh.exp %[[SUB]]
// CHECK: %[[SUM:.*]] = torsh.sum %[[EXP]] {axes = array<i64: 1>, keepdims = true}
// CHECK: %[[DIV:.*]] = torsh.div %[[EXP]], %[[SUM]]
// CHECK: return %[[DIV]]
// KEEP-LABEL: func.func @softmax
// KEEP-NEXT: torsh.softmax
// KEEP-NEXT: torsh.amax
func.func @softmax(%x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %0 = torsh.softmax %x {axis = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = torsh.log_softmax %x {axis = 1 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %0, %1 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// f16 is computed in f32, and rounded once.
// CHECK-LABEL: func.func @half
// CHECK: %[[WIDE:.*]] = torsh.cast %arg0 to f32
// CHECK: torsh.log
// CHECK: %[[SUB:.*]] = torsh.sub {{.*}} -> tensor<4x8xf32>
// CHECK: torsh.cast %[[SUB]] to f16
func.func @half(%x: tensor<4x8xf16>) -> tensor<4x8xf16> {
  %0 = torsh.log_softmax %x {axis = 0 : i64} : (tensor<4x8xf16>) -> tensor<4x8xf16>
  return %0 : tensor<4x8xf16>
}

// -----

// No element, no maximum: a softmax over nothing is nothing.
// CHECK-LABEL: func.func @empty
// CHECK-NEXT: return %arg0, %arg0
func.func @empty(%x: tensor<4x0xf32>) -> (tensor<4x0xf32>, tensor<4x0xf32>) {
  %0 = torsh.softmax %x {axis = 1 : i64} : (tensor<4x0xf32>) -> tensor<4x0xf32>
  %1 = torsh.log_softmax %x {axis = 1 : i64} : (tensor<4x0xf32>) -> tensor<4x0xf32>
  return %0, %1 : tensor<4x0xf32>, tensor<4x0xf32>
}

// -----

// The variance is the mean of squared differences, which does not cancel.
// CHECK-LABEL: func.func @layer_norm
// CHECK: %[[MEAN:.*]] = torsh.mean %arg0 {axes = array<i64: 1, 2>, keepdims = true}
// CHECK: %[[C:.*]] = torsh.sub %arg0, %[[MEAN]]
// CHECK: %[[SQUARE:.*]] = torsh.mul %[[C]], %[[C]]
// CHECK: torsh.mean %[[SQUARE]]
// CHECK: %[[EPS:.*]] = torsh.constant dense<9.99999974E-6> : tensor<f32>
// CHECK: %[[SUM:.*]] = torsh.add %{{.*}}, %[[EPS]]
// CHECK: %[[SCALE:.*]] = torsh.rsqrt %[[SUM]]
// CHECK: torsh.mul %[[C]], %[[SCALE]]
// CHECK: torsh.mul %{{.*}}, %arg1
// CHECK: torsh.add %{{.*}}, %arg2
// KEEP-LABEL: func.func @layer_norm
// KEEP-NEXT: torsh.layer_norm
func.func @layer_norm(%x: tensor<?x4x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> tensor<?x4x8xf32> {
  %0 = torsh.layer_norm %x weight(%w) bias(%b) {num_axes = 2 : i64, eps = 1.0e-5 : f64} : (tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<?x4x8xf32>
  return %0 : tensor<?x4x8xf32>
}

// -----

// Statistics fold into one multiplication and one addition per element.
// CHECK-LABEL: func.func @batch_norm
// CHECK: %[[SCALE:.*]] = torsh.rsqrt
// CHECK: %[[PRODUCT:.*]] = torsh.mul %arg1, %[[SCALE]]
// CHECK: %[[SHIFT:.*]] = torsh.neg %[[PRODUCT]]
// CHECK: torsh.reshape %[[SCALE]] : (tensor<3xf32>) -> tensor<3x1x1xf32>
// CHECK: torsh.mul %arg0
// CHECK: torsh.reshape %[[SHIFT]] : (tensor<3xf32>) -> tensor<3x1x1xf32>
// CHECK: torsh.add
func.func @batch_norm(%x: tensor<?x3x?x?xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) -> tensor<?x3x?x?xf32> {
  %0 = torsh.batch_norm %x, %m, %v {eps = 1.0e-5 : f64} : (tensor<?x3x?x?xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x3x?x?xf32>
  return %0 : tensor<?x3x?x?xf32>
}

// -----

// A '?' extent takes the extent of what it must equal, before and after.
// CHECK-LABEL: func.func @refined
// CHECK-NOT: torsh.layer_norm
// CHECK-NOT: torsh.batch_norm
// CHECK: return {{.*}} : tensor<2x8xf32>, tensor<?x3xf32>
func.func @refined(%x: tensor<2x?xf32>, %w: tensor<8xf32>, %y: tensor<?x?xf32>, %s: tensor<3xf32>, %d: tensor<?xf32>) -> (tensor<2x8xf32>, tensor<?x3xf32>) {
  %0 = torsh.layer_norm %x weight(%w) {num_axes = 1 : i64, eps = 1.0e-5 : f64} : (tensor<2x?xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  %1 = torsh.batch_norm %y, %d, %s {eps = 1.0e-5 : f64} : (tensor<?x?xf32>, tensor<?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return %0, %1 : tensor<2x8xf32>, tensor<?x3xf32>
}

// -----

// CHECK-LABEL: func.func @argsort
// CHECK: %[[RANK:.*]] = torsh.rank %arg0 {axis = 1 : i64, descending = true}
// CHECK: %[[PLACES:.*]] = torsh.iota {axis = 1 : i64} : tensor<4x8xi64>
// CHECK: torsh.put_along_axis %[[PLACES]], %[[RANK]], %[[PLACES]] {axis = 1 : i64}
func.func @argsort(%x: tensor<4x8xf32>) -> tensor<4x8xi64> {
  %0 = torsh.argsort %x {axis = 1 : i64, descending = true} : (tensor<4x8xf32>) -> tensor<4x8xi64>
  return %0 : tensor<4x8xi64>
}
