// RUN: torsh-opt %s --split-input-file --torsh-simplify-algebra | FileCheck %s

// Integers: x - x, x * 0, 0 - x, neg of a difference; wrap-around keeps all exact.
// CHECK-LABEL: func.func @integers
// CHECK-SAME: %[[X:.*]]: tensor<8xi32>, %[[Y:.*]]: tensor<8xi32>
// CHECK: %[[ZERO:.*]] = torsh.constant dense<0> : tensor<8xi32>
// CHECK: %[[NEG:.*]] = torsh.neg %[[X]]
// CHECK: %[[SUB:.*]] = torsh.sub %[[Y]], %[[X]]
// CHECK: return %[[ZERO]], %[[ZERO]], %[[NEG]], %[[SUB]]
func.func @integers(%x: tensor<8xi32>, %y: tensor<8xi32>) -> (tensor<8xi32>, tensor<8xi32>, tensor<8xi32>, tensor<8xi32>) {
  %zero = torsh.constant dense<0> : tensor<i32>
  %0 = torsh.sub %x, %x : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %1 = torsh.mul %x, %zero : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
  %2 = torsh.sub %zero, %x : (tensor<i32>, tensor<8xi32>) -> tensor<8xi32>
  %3 = torsh.sub %x, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %4 = torsh.neg %3 : (tensor<8xi32>) -> tensor<8xi32>
  return %0, %1, %2, %4 : tensor<8xi32>, tensor<8xi32>, tensor<8xi32>, tensor<8xi32>
}

// -----

// Floats: none of these holds for NaN, infinities or signed zeros.
// CHECK-LABEL: func.func @floats_stay
// CHECK-DAG: torsh.sub %[[X:.*]], %[[X]]
// CHECK-DAG: torsh.mul
// CHECK-DAG: torsh.sub %[[ZERO:.*]], %[[X]]
// CHECK-DAG: torsh.add
// CHECK-DAG: torsh.neg
// CHECK: return
func.func @floats_stay(%x: tensor<8xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %0 = torsh.sub %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.mul %x, %zero : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = torsh.sub %zero, %x : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = torsh.add %x, %zero : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = torsh.sub %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %5 = torsh.neg %4 : (tensor<8xf32>) -> tensor<8xf32>
  return %0, %1, %2, %3, %5 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// CHECK-LABEL: func.func @neutral_elements
// CHECK-NEXT: return %arg0, %arg0, %arg0, %arg0, %arg0
func.func @neutral_elements(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %one = torsh.constant dense<1.0> : tensor<f32>
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %negative_zero = torsh.constant dense<-0.0> : tensor<1xf32>
  %0 = torsh.mul %one, %x : (tensor<f32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.add %x, %negative_zero : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  %2 = torsh.sub %x, %zero : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %3 = torsh.div %x, %one : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %4 = torsh.neg %x : (tensor<?xf32>) -> tensor<?xf32>
  %5 = torsh.neg %4 : (tensor<?xf32>) -> tensor<?xf32>
  return %0, %1, %2, %3, %5 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// -----

// Negations that cancel, exactly.
// CHECK-LABEL: func.func @negations
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>, %[[Y:.*]]: tensor<8xf32>
// CHECK-DAG: %[[SUB:.*]] = torsh.sub %[[X]], %[[Y]]
// CHECK-DAG: %[[ADD:.*]] = torsh.add %[[X]], %[[Y]]
// CHECK-DAG: %[[MUL:.*]] = torsh.mul %[[X]], %[[Y]]
// CHECK-DAG: %[[ABS:.*]] = torsh.abs %[[Y]]
// CHECK-DAG: %[[NEG:.*]] = torsh.neg %[[X]]
// CHECK: return %[[SUB]], %[[ADD]], %[[MUL]], %[[ABS]], %[[NEG]]
func.func @negations(%x: tensor<8xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %minus_one = torsh.constant dense<-1.0> : tensor<f32>
  %nx = torsh.neg %x : (tensor<8xf32>) -> tensor<8xf32>
  %ny = torsh.neg %y : (tensor<8xf32>) -> tensor<8xf32>
  %0 = torsh.add %x, %ny : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.sub %x, %ny : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.mul %nx, %ny : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = torsh.abs %ny : (tensor<8xf32>) -> tensor<8xf32>
  %4 = torsh.mul %x, %minus_one : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %0, %1, %2, %3, %4 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// Idempotent operations.
// CHECK-LABEL: func.func @repeated
// CHECK-NEXT: %[[RELU:.*]] = torsh.relu %arg0
// CHECK-NEXT: return %[[RELU]], %arg0
func.func @repeated(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %0 = torsh.relu %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.relu %0 : (tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.relu %1 : (tensor<?xf32>) -> tensor<?xf32>
  %3 = torsh.maximum %x, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %2, %3 : tensor<?xf32>, tensor<?xf32>
}

// -----

// What broadcasts, or has '?' extents or a check of them, keeps its type and check.
// CHECK-LABEL: func.func @types_and_checks_stay
// CHECK: torsh.sub
// CHECK: torsh.mul
// CHECK: torsh.mul
func.func @types_and_checks_stay(%x: tensor<?xi32>, %y: tensor<4xi32>) -> (tensor<?xi32>, tensor<2x4xi32>, tensor<4xi32>) {
  %ones = torsh.constant dense<1> : tensor<2x4xi32>
  %zeros = torsh.constant dense<0> : tensor<4xi32>
  %0 = torsh.sub %x, %x : (tensor<?xi32>, tensor<?xi32>) -> tensor<?xi32>
  %1 = torsh.mul %y, %ones : (tensor<4xi32>, tensor<2x4xi32>) -> tensor<2x4xi32>
  %2 = torsh.mul %x, %zeros : (tensor<?xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %0, %1, %2 : tensor<?xi32>, tensor<2x4xi32>, tensor<4xi32>
}

// -----

// Constants go last and are gathered, with wrap-around; floats are left alone.
// CHECK-LABEL: func.func @gather
// CHECK-DAG: %[[C:.*]] = torsh.constant dense<-56> : tensor<i8>
// CHECK-DAG: torsh.add %arg0, %[[C]]
// CHECK-DAG: %[[F:.*]] = torsh.add %arg1,
// CHECK-DAG: torsh.add %[[F]],
func.func @gather(%x: tensor<8xi8>, %y: tensor<8xf32>) -> (tensor<8xi8>, tensor<8xf32>) {
  %c = torsh.constant dense<100> : tensor<i8>
  %d = torsh.constant dense<0.1> : tensor<f32>
  %0 = torsh.add %c, %x : (tensor<i8>, tensor<8xi8>) -> tensor<8xi8>
  %1 = torsh.add %c, %0 : (tensor<i8>, tensor<8xi8>) -> tensor<8xi8>
  %2 = torsh.add %d, %y : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = torsh.add %d, %2 : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  return %1, %3 : tensor<8xi8>, tensor<8xf32>
}
