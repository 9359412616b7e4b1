// RUN: torsh-opt %s -torsh-insert-extent-checks | FileCheck %s

// CHECK-LABEL: func @operands
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<?xf32>
// CHECK-DAG: %[[DX:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[DY:.*]] = tensor.dim %[[Y]], %c0
// CHECK: torsh.check eq, %[[DX]], %[[DY]], "torsh.add: extents of operands 0 and 1 differ: axis 0 and axis 0"
// The same equality again, and those that follow from it, are not checked.
// CHECK-NOT: torsh.check
func.func @operands(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.mul %y, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.sub %0, %1 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %3 = torsh.sub %2, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %3 : tensor<?xf32>
}

// CHECK-LABEL: func @static_extent
// CHECK: torsh.check eq, %{{.*}}, %c8, "torsh.add: axis 0 of operand 0 must have extent 8"
func.func @static_extent(%x: tensor<?xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Extents that have one source agree.
// CHECK-LABEL: func @same_source
// CHECK-NOT: torsh.check
// CHECK: return
func.func @same_source(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = torsh.permute %x {permutation = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
  %1 = torsh.exp %0 : (tensor<4x?xf32>) -> tensor<4x?xf32>
  %2 = torsh.permute %1 {permutation = array<i64: 1, 0>} : (tensor<4x?xf32>) -> tensor<?x4xf32>
  %3 = torsh.add %x, %2 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %3 : tensor<?x4xf32>
}

// CHECK-LABEL: func @inner_extents
// CHECK: torsh.check eq, %{{.*}}, %c16, "torsh.matmul: axis 1 of operand 0 must have extent 16"
func.func @inner_extents(%x: tensor<4x?xf32>, %w: tensor<16x2xf32>) -> tensor<4x2xf32> {
  %0 = torsh.matmul %x, %w : (tensor<4x?xf32>, tensor<16x2xf32>) -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// CHECK-LABEL: func @reshape_always_fits
// CHECK-NOT: torsh.check
// CHECK: return
func.func @reshape_always_fits(%x: tensor<?x4x8xf32>) -> tensor<?x32xf32> {
  %0 = torsh.reshape %x : (tensor<?x4x8xf32>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// CHECK-LABEL: func @reshape_must_divide
// CHECK: %[[D:.*]] = tensor.dim
// CHECK: %[[ROWS:.*]] = affine.apply #[[$DIVIDED:.*]]()[%[[D]]]
// CHECK: %[[FROM:.*]] = affine.apply #[[$TIMES6:.*]]()[%[[D]]]
// CHECK: %[[TO:.*]] = affine.apply #[[$TIMES4:.*]]()[%[[ROWS]]]
// CHECK: torsh.check eq, %[[FROM]], %[[TO]], "torsh.reshape: the number of elements changes"
func.func @reshape_must_divide(%x: tensor<?x6xf32>) -> tensor<?x4xf32> {
  %0 = torsh.reshape %x : (tensor<?x6xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: func @reshape_to_static
// CHECK: torsh.check eq, %{{.*}}, %c24, "torsh.reshape: the number of elements changes"
func.func @reshape_to_static(%x: tensor<?x6xf32>) -> tensor<24xf32> {
  %0 = torsh.reshape %x : (tensor<?x6xf32>) -> tensor<24xf32>
  return %0 : tensor<24xf32>
}

// CHECK-LABEL: func @slices
// CHECK: torsh.check ge, %[[D:.*]], %c2{{.*}}, "torsh.slice: axis 0 must have extent 2 or more"
// The second slice asks for less than what holds by now, the third for more.
// CHECK: torsh.check ge, %[[D]], %c5{{.*}}, "torsh.slice: axis 0 must have extent 5 or more"
// CHECK-NOT: torsh.check
func.func @slices(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<2xf32>) {
  %0 = torsh.slice %x {start = array<i64: 2>, stop = array<i64: 9223372036854775807>, stride = array<i64: 1>} : (tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.slice %x {start = array<i64: 1>, stop = array<i64: 9223372036854775807>, stride = array<i64: 1>} : (tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.slice %x {start = array<i64: 1>, stop = array<i64: 5>, stride = array<i64: 2>} : (tensor<?xf32>) -> tensor<2xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<2xf32>
}

// A window that spans 5, padded by 1 and 1, needs an extent of 3.
// CHECK-LABEL: func @window
// CHECK: torsh.check ge, %{{.*}}, %c3{{.*}}, "torsh.conv: a window that spans 5 does not fit axis 2"
// CHECK-NOT: torsh.check
func.func @window(%x: tensor<1x2x?x8xf32>, %w: tensor<4x2x3x3xf32>) -> tensor<1x4x?x8xf32> {
  %0 = torsh.conv %x, %w {stride = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, dilation = array<i64: 2, 1>} : (tensor<1x2x?x8xf32>, tensor<4x2x3x3xf32>) -> tensor<1x4x?x8xf32>
  return %0 : tensor<1x4x?x8xf32>
}

// CHECK-LABEL: func @empty_reduction
// CHECK: torsh.check ge, %{{.*}}, %c1{{.*}}, "torsh.amax: axis 1 has extent 0, over which there is no value"
// CHECK-NOT: torsh.check
func.func @empty_reduction(%x: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %0 = torsh.amax %x {axes = array<i64: 1>} : (tensor<?x?xf32>) -> tensor<?xf32>
  %1 = torsh.sum %x {axes = array<i64: 0>} : (tensor<?x?xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}

// CHECK-LABEL: func @broadcast
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<?x?xf32>
// CHECK-DAG: %[[DX:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG: %[[DY:.*]] = tensor.dim %[[Y]], %c1
// CHECK: torsh.check eq, %[[DX]], %[[DY]], "torsh.broadcast: axis 0 of the input does not have the extent of axis 1 of the result"
func.func @broadcast(%x: tensor<?xf32>, %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %y, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %y, %c1 : tensor<?x?xf32>
  %0 = torsh.broadcast %x sizes(%d0, %d1) : (tensor<?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}
