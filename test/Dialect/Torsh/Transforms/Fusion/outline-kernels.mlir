// RUN: torsh-opt %s -split-input-file -torsh-form-groups -torsh-outline-kernels | FileCheck %s

// The matrix is an input, the scalar is copied into the kernel.
// CHECK: torsh.kernel @matmul_mul(%[[X:.*]]: tensor<2x4xf32>, %[[W:.*]]: tensor<4x5xf32>) -> tensor<2x5xf32>
// CHECK-SAME: kind = #torsh.kind<contraction>
// CHECK: %[[M:.*]] = torsh.matmul %[[X]], %[[W]]
// CHECK: %[[C:.*]] = torsh.constant dense<2.0
// CHECK: %[[R:.*]] = torsh.mul %[[M]], %[[C]]
// CHECK: torsh.return %[[R]]
// CHECK-LABEL: func @constants
// CHECK: %[[BIG:.*]] = torsh.constant
// CHECK-NOT: torsh.constant
// CHECK: %[[L:.*]] = torsh.launch @matmul_mul(%{{.*}}, %[[BIG]])
// CHECK: return %[[L]], %[[BIG]]
func.func @constants(%x: tensor<2x4xf32>) -> (tensor<2x5xf32>, tensor<4x5xf32>) {
  %w = torsh.constant dense<[[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 6.0]]> : tensor<4x5xf32>
  %c = torsh.constant dense<2.0> : tensor<f32>
  %0 = torsh.matmul %x, %w : (tensor<2x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  %1 = torsh.mul %0, %c : (tensor<2x5xf32>, tensor<f32>) -> tensor<2x5xf32>
  return %1, %w : tensor<2x5xf32>, tensor<4x5xf32>
}

// -----

// The function's own extents give every size, through kernels and views.
// CHECK: torsh.kernel @concat(
// CHECK-SAME: kind = #torsh.kind<movement>
// CHECK: torsh.kernel @exp(
// CHECK-SAME: kind = #torsh.kind<elementwise>
// CHECK-LABEL: func @sizes
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK: %[[D:.*]] = tensor.dim %[[X]], %c0
// CHECK: %[[D2:.*]] = affine.apply #{{.*}}()[%[[D]], %[[D]]]
// CHECK: %[[D8:.*]] = affine.apply #{{.*}}()[%[[D2]]]
// CHECK-NOT: tensor.dim
// CHECK: %[[C:.*]] = torsh.launch @concat(%[[X]]) sizes(%[[D2]])
// CHECK: %[[V:.*]] = torsh.reshape %[[C]] : (tensor<?x4xf32>) -> tensor<?xf32>
// CHECK: torsh.launch @exp(%[[V]]) sizes(%[[D8]])
func.func @sizes(%x: tensor<?x4xf32>) -> tensor<?xf32> {
  %0 = torsh.concat %x, %x {axis = 0 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = torsh.reshape %0 : (tensor<?x4xf32>) -> tensor<?xf32>
  %2 = torsh.exp %1 : (tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// A size inside of a kernel comes from the extents of tensors; one that no operand
// has is passed for its extents alone.
// CHECK: torsh.kernel @iota_mul(%[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<?xf32>) -> tensor<?xf32>
// CHECK: %[[D:.*]] = tensor.dim %[[X]], %c0
// CHECK: %[[D2:.*]] = arith.addi %[[D]], %[[D]]
// CHECK: torsh.iota sizes(%[[D2]])
// CHECK-LABEL: func @size_inside
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<?xf32>)
// CHECK: torsh.launch @iota_mul(%[[X]], %[[Y]])
func.func @size_inside(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %0 = torsh.concat %x, %x {axis = 0 : i64} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %d = tensor.dim %x, %c0 : tensor<?xf32>
  %d2 = arith.addi %d, %d : index
  %1 = torsh.iota sizes(%d2) {axis = 0 : i64} : tensor<?xf32>
  %2 = torsh.mul %1, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// Results in the program's order; the same value returned twice, and an argument.
// CHECK: torsh.kernel @exp_sin(%[[X:.*]]: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
// CHECK: %[[E:.*]] = torsh.exp
// CHECK: %[[S:.*]] = torsh.sin
// CHECK: torsh.return %[[E]], %[[S]]
// CHECK-LABEL: func @results
// CHECK-SAME: (%[[X:.*]]: tensor<8xf32>)
// CHECK: %[[R:.*]]:2 = torsh.launch @exp_sin(%[[X]])
// CHECK: return %[[R]]#1, %[[R]]#0, %[[R]]#1, %[[X]]
func.func @results(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.sin %0 : (tensor<8xf32>) -> tensor<8xf32>
  return %1, %0, %1, %x : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// The second operation of the program runs first: the group of the first waits for it.
// CHECK-LABEL: func @reordered
// CHECK: %[[M:.*]] = torsh.launch @matmul
// CHECK: torsh.launch @exp_add({{.*}}%[[M]]
func.func @reordered(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = torsh.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = torsh.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = torsh.add %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %1, %2 : tensor<4x4xf32>, tensor<4x4xf32>
}

// -----

// The kernel's name is cut at 48 characters; a name that is taken gets a number.
// CHECK: torsh.kernel @sigmoid_hardswish_hardsigmoid_reciprocal_etc(
// CHECK: torsh.kernel @concat_0(
// CHECK-LABEL: func @concat(
func.func @concat(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.sigmoid %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.hardswish %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.hardsigmoid %1 : (tensor<8xf32>) -> tensor<8xf32>
  %3 = torsh.reciprocal %2 : (tensor<8xf32>) -> tensor<8xf32>
  %4 = torsh.leaky_relu %3 : (tensor<8xf32>) -> tensor<8xf32>
  %5 = torsh.concat %4, %4 {axis = 0 : i64} : (tensor<8xf32>, tensor<8xf32>) -> tensor<16xf32>
  %6 = torsh.slice %5 {start = array<i64: 0>, stop = array<i64: 8>, stride = array<i64: 1>} : (tensor<16xf32>) -> tensor<8xf32>
  return %6 : tensor<8xf32>
}
