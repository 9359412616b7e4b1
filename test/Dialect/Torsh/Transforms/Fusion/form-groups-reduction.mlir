// RUN: torsh-opt %s -split-input-file -torsh-form-groups | FileCheck %s
// RUN: torsh-opt %s -split-input-file -torsh-form-groups=strategy=aggressive | FileCheck %s --check-prefix=AGGRESSIVE

// CHECK-LABEL: func @softmax
// CHECK: torsh.mul {{.*}}torsh.group = 0
// CHECK: torsh.amax {{.*}}torsh.group = 0
// CHECK: torsh.sub {{.*}}torsh.group = 0
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.sum {{.*}}torsh.group = 0
// CHECK: torsh.div {{.*}}torsh.group = 0
func.func @softmax(%a: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %x = torsh.mul %a, %a : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %0 = torsh.amax %x {axes = array<i64: 1>, keepdims = true} : (tensor<?x?xf32>) -> tensor<?x1xf32>
  %1 = torsh.sub %x, %0 : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
  %2 = torsh.exp %1 : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %3 = torsh.sum %2 {axes = array<i64: 1>, keepdims = true} : (tensor<?x?xf32>) -> tensor<?x1xf32>
  %4 = torsh.div %2, %3 : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
  return %4 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func @layer_norm
// CHECK: torsh.mean {{.*}}torsh.group = 0
// CHECK: torsh.sub {{.*}}torsh.group = 0
// CHECK: torsh.mul {{.*}}torsh.group = 0
// CHECK: torsh.mean {{.*}}torsh.group = 0
// CHECK: torsh.rsqrt {{.*}}torsh.group = 0
// CHECK: torsh.mul {{.*}}torsh.group = 0
// CHECK: torsh.mul {{.*}}torsh.group = 0
func.func @layer_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.mean %x {axes = array<i64: 1>, keepdims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %1 = torsh.sub %x, %0 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %2 = torsh.mul %1, %1 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = torsh.mean %2 {axes = array<i64: 1>, keepdims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %4 = torsh.rsqrt %3 : (tensor<4x1xf32>) -> tensor<4x1xf32>
  %5 = torsh.mul %1, %4 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %6 = torsh.mul %5, %w : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %6 : tensor<4x8xf32>
}

// -----

// x - x.max(axis=1)[:, None]: the view is part of the kernel.
// CHECK-LABEL: func @new_axis
// CHECK: torsh.amax {{.*}}torsh.group = 0
// CHECK: torsh.reshape {{.*}}torsh.group = 0
// CHECK: torsh.sub {{.*}}torsh.group = 0
func.func @new_axis(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %0 = torsh.amax %x {axes = array<i64: 1>} : (tensor<?x8xf32>) -> tensor<?xf32>
  %1 = torsh.reshape %0 : (tensor<?xf32>) -> tensor<?x1xf32>
  %2 = torsh.sub %x, %1 : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// -----

// The rows, without the reduced axis, are broadcast along the columns.
// CHECK: module attributes {{.*}}reduced rows of torsh.sum are broadcast along another axis
// CHECK-LABEL: func @other_axis
// CHECK: torsh.sum {{.*}}torsh.group = 0
// CHECK: torsh.sub {{.*}}torsh.group = 1
func.func @other_axis(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = torsh.sum %x {axes = array<i64: 1>} : (tensor<8x8xf32>) -> tensor<8xf32>
  %1 = torsh.sub %x, %0 : (tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

// CHECK: module attributes {{.*}}reduction is not over the last axes
// CHECK-LABEL: func @first_axis
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.sum {{.*}}torsh.group = 0
// CHECK: torsh.div {{.*}}torsh.group = 1
// AGGRESSIVE-LABEL: func @first_axis
// AGGRESSIVE: torsh.exp {{.*}}torsh.group = 0
// AGGRESSIVE: torsh.sum {{.*}}torsh.group = 0
// AGGRESSIVE: torsh.div {{.*}}torsh.group = 0
func.func @first_axis(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = torsh.sum %0 {axes = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
  %2 = torsh.div %0, %1 : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// CHECK: module attributes {{.*}}reductions over different axes
// CHECK-LABEL: func @different_axes
// CHECK: torsh.sum {{.*}}torsh.group = 0
// CHECK: torsh.sub {{.*}}torsh.group = 0
// CHECK: torsh.sum {{.*}}torsh.group = 1
func.func @different_axes(%x: tensor<4x8xf32>) -> tensor<8xf32> {
  %0 = torsh.sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  %1 = torsh.sub %x, %0 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
  %2 = torsh.sum %1 {axes = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// Nothing says that x and y have as many columns.
// CHECK: module attributes {{.*}}reductions over '?' extents that may differ
// CHECK-LABEL: func @different_lengths
// CHECK: torsh.sum {{.*}}torsh.group = 0
// CHECK: torsh.sum {{.*}}torsh.group = 1
// CHECK: torsh.div {{.*}}torsh.group = 1
func.func @different_lengths(%x: tensor<4x?xf32>, %y: tensor<4x?xf32>) -> tensor<4xf32> {
  %0 = torsh.sum %x {axes = array<i64: 1>} : (tensor<4x?xf32>) -> tensor<4xf32>
  %1 = torsh.sum %y {axes = array<i64: 1>} : (tensor<4x?xf32>) -> tensor<4xf32>
  %2 = torsh.div %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// CHECK: module attributes {{.*}}a reduction and torsh.linear
// CHECK-LABEL: func @after_contraction
// CHECK: torsh.linear {{.*}}torsh.group = 0
// CHECK: torsh.relu {{.*}}torsh.group = 0
// CHECK: torsh.sum {{.*}}torsh.group = 1
func.func @after_contraction(%x: tensor<4x8xf32>, %w: tensor<2x8xf32>) -> tensor<4xf32> {
  %0 = torsh.linear %x, %w : (tensor<4x8xf32>, tensor<2x8xf32>) -> tensor<4x2xf32>
  %1 = torsh.relu %0 : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %2 = torsh.sum %1 {axes = array<i64: 1>} : (tensor<4x2xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// One row: dividing in the kernel of the sum would be done by one thread.
// CHECK: module attributes {{.*}}reduction to 1 rows would leave elementwise work to as few threads
// CHECK-LABEL: func @too_few_rows
// CHECK: torsh.sum {{.*}}torsh.group = 0
// CHECK: torsh.div {{.*}}torsh.group = 1
func.func @too_few_rows(%x: tensor<100000xf32>) -> tensor<100000xf32> {
  %0 = torsh.sum %x {axes = array<i64: 0>, keepdims = true} : (tensor<100000xf32>) -> tensor<1xf32>
  %1 = torsh.div %x, %0 : (tensor<100000xf32>, tensor<1xf32>) -> tensor<100000xf32>
  return %1 : tensor<100000xf32>
}
