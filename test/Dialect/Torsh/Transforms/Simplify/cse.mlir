// RUN: torsh-opt %s --torsh-simplify-algebra --cse | FileCheck %s

// Upstream CSE serves, once the operands of commutative operations are in order.
// CHECK-LABEL: func.func @commuted
// CHECK: %[[A:.*]] = torsh.add %arg0, %arg1
// CHECK-NEXT: %[[E:.*]] = torsh.exp %arg0
// CHECK-NEXT: %[[M:.*]] = torsh.mul %[[A]], %[[E]]
// CHECK-NEXT: return %[[A]], %[[A]], %[[M]], %[[M]]
func.func @commuted(%x: tensor<?xf32>, %y: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.add %y, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %3 = torsh.mul %0, %2 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %4 = torsh.exp %x : (tensor<?xf32>) -> tensor<?xf32>
  %5 = torsh.mul %4, %1 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0, %1, %3, %5 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// Attributes tell operations apart; subtraction does not commute.
// CHECK-LABEL: func.func @different
// CHECK-COUNT-2: torsh.sub
// CHECK-COUNT-2: torsh.softmax
func.func @different(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) {
  %0 = torsh.sub %x, %y : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = torsh.sub %y, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = torsh.softmax %x {axis = 0 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = torsh.softmax %x {axis = 1 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0, %1, %2, %3 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
}

// Inside control flow, what is outside comes first.
// CHECK-LABEL: func.func @nested
// CHECK: scf.if
// CHECK: %[[N:.*]] = torsh.relu
// CHECK: torsh.add %arg0, %[[N]]
func.func @nested(%x: tensor<8xf32>, %p: i1) -> tensor<8xf32> {
  %0 = scf.if %p -> tensor<8xf32> {
    %1 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    %2 = torsh.neg %1 : (tensor<8xf32>) -> tensor<8xf32>
    %3 = torsh.relu %2 : (tensor<8xf32>) -> tensor<8xf32>
    %4 = torsh.add %3, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    scf.yield %4 : tensor<8xf32>
  } else {
    scf.yield %x : tensor<8xf32>
  }
  return %0 : tensor<8xf32>
}
