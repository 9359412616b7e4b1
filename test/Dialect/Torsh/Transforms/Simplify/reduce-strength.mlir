// RUN: torsh-opt %s --split-input-file --torsh-reduce-strength | FileCheck %s
// RUN: torsh-opt %s --split-input-file --torsh-reduce-strength="fast" | FileCheck %s --check-prefixes=CHECK,FAST

// CHECK-LABEL: func.func @powers
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>, %[[I:.*]]: tensor<8xi32>
// CHECK-DAG: %[[ONE:.*]] = torsh.constant dense<1.000000e+00> : tensor<8xf32>
// CHECK-DAG: %[[SQUARE:.*]] = torsh.mul %[[X]], %[[X]]
// CHECK-DAG: %[[INVERSE:.*]] = torsh.reciprocal %[[X]]
// CHECK-DAG: %[[II:.*]] = torsh.mul %[[I]], %[[I]]
// CHECK-DAG: %[[III:.*]] = torsh.mul %[[II]], %[[I]]
// CHECK: return %[[ONE]], %[[X]], %[[SQUARE]], %[[INVERSE]], %[[III]]
func.func @powers(%x: tensor<8xf32>, %i: tensor<8xi32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xi32>) {
  %c0 = torsh.constant dense<0.0> : tensor<f32>
  %c1 = torsh.constant dense<1.0> : tensor<f32>
  %c2 = torsh.constant dense<2.0> : tensor<f32>
  %cm1 = torsh.constant dense<-1.0> : tensor<f32>
  %i3 = torsh.constant dense<3> : tensor<i32>
  %0 = torsh.pow %x, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %1 = torsh.pow %x, %c1 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %2 = torsh.pow %x, %c2 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %3 = torsh.pow %x, %cm1 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %4 = torsh.pow %i, %i3 : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
  return %0, %1, %2, %3, %4 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xi32>
}

// -----

// pow(-0.0, 0.5) is 0.0 and pow(-inf, 0.5) is inf, which sqrt does not give; a cube
// is rounded twice.
// CHECK-LABEL: func.func @powers_fast
// FAST-DAG: torsh.sqrt
// FAST-DAG: torsh.rsqrt
// FAST-DAG: torsh.mul
// FAST-NOT: torsh.pow
// CHECK: return
func.func @powers_fast(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %half = torsh.constant dense<0.5> : tensor<f32>
  %minus_half = torsh.constant dense<-0.5> : tensor<f32>
  %three = torsh.constant dense<3.0> : tensor<f32>
  %0 = torsh.pow %x, %half : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %1 = torsh.pow %x, %minus_half : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %2 = torsh.pow %x, %three : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// -----

// The exponent broadcasts the base, and a '?' cannot become a constant.
// CHECK-LABEL: func.func @powers_stay
// CHECK: torsh.pow
// CHECK: torsh.pow
func.func @powers_stay(%x: tensor<f32>, %y: tensor<?xf32>) -> (tensor<8xf32>, tensor<?xf32>) {
  %two = torsh.constant dense<2.0> : tensor<8xf32>
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %0 = torsh.pow %x, %two : (tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.pow %y, %zero : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  return %0, %1 : tensor<8xf32>, tensor<?xf32>
}

// -----

// CHECK-LABEL: func.func @divisions
// CHECK-DAG: %[[Q:.*]] = torsh.constant dense<[2.500000e-01, -2.000000e+00]>
// CHECK-DAG: torsh.mul %arg0, %[[Q]]
// CHECK-DAG: torsh.reciprocal %arg0
func.func @divisions(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %c = torsh.constant dense<[4.0, -0.5]> : tensor<2xf32>
  %one = torsh.constant dense<1.0> : tensor<f32>
  %0 = torsh.div %x, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1 = torsh.div %one, %x : (tensor<f32>, tensor<2xf32>) -> tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @square_roots
// CHECK-DAG: torsh.rsqrt %arg0
// FAST-DAG: torsh.rsqrt %arg1
// FAST-DAG: %[[R:.*]] = torsh.rsqrt %arg2
// FAST-DAG: torsh.mul %arg0, %[[R]]
func.func @square_roots(%x: tensor<8xf32>, %h: tensor<8xf16>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf16>, tensor<8xf32>) {
  %0 = torsh.sqrt %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.reciprocal %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.sqrt %h : (tensor<8xf16>) -> tensor<8xf16>
  %3 = torsh.reciprocal %2 : (tensor<8xf16>) -> tensor<8xf16>
  %4 = torsh.sqrt %y : (tensor<8xf32>) -> tensor<8xf32>
  %5 = torsh.div %x, %4 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %1, %3, %5 : tensor<8xf32>, tensor<8xf16>, tensor<8xf32>
}

// -----

// The remainder has the sign of the divisor, so that a mask gives it for negative
// numbers too; the divisor itself must be positive.
// CHECK-LABEL: func.func @integers
// CHECK-SAME: %[[X:.*]]: tensor<8xi8>
// CHECK-DAG: %[[MASK:.*]] = torsh.constant dense<15> : tensor<i8>
// CHECK-DAG: %[[AND:.*]] = torsh.and %[[X]], %[[MASK]]
// CHECK-DAG: %[[REM:.*]] = torsh.remainder %[[X]]
// CHECK-DAG: %[[NEG:.*]] = torsh.neg %[[X]]
// CHECK: return %[[AND]], %[[REM]], %[[X]], %[[NEG]]
func.func @integers(%x: tensor<8xi8>) -> (tensor<8xi8>, tensor<8xi8>, tensor<8xi8>, tensor<8xi8>) {
  %c16 = torsh.constant dense<16> : tensor<i8>
  %smallest = torsh.constant dense<-128> : tensor<i8>
  %one = torsh.constant dense<1> : tensor<i8>
  %minus_one = torsh.constant dense<-1> : tensor<i8>
  %0 = torsh.remainder %x, %c16 : (tensor<8xi8>, tensor<i8>) -> tensor<8xi8>
  %1 = torsh.remainder %x, %smallest : (tensor<8xi8>, tensor<i8>) -> tensor<8xi8>
  %2 = torsh.floor_divide %x, %one : (tensor<8xi8>, tensor<i8>) -> tensor<8xi8>
  %3 = torsh.floor_divide %x, %minus_one : (tensor<8xi8>, tensor<i8>) -> tensor<8xi8>
  return %0, %1, %2, %3 : tensor<8xi8>, tensor<8xi8>, tensor<8xi8>, tensor<8xi8>
}

// -----

// Means over a power of two; f16 would round the sum, '?' is unknown.
// CHECK-LABEL: func.func @means
// CHECK-DAG: %[[C:.*]] = torsh.constant dense<1.250000e-01> : tensor<f32>
// CHECK-DAG: %[[S:.*]] = torsh.sum %arg0 {axes = array<i64: 1>, keepdims = true}
// CHECK-DAG: torsh.mul %[[S]], %[[C]]
// CHECK-DAG: torsh.mean %arg1
// CHECK-DAG: torsh.mean %arg2
func.func @means(%x: tensor<3x8xf32>, %h: tensor<8xf16>, %d: tensor<?xf32>) -> (tensor<3x1xf32>, tensor<f16>, tensor<f32>) {
  %0 = torsh.mean %x {axes = array<i64: 1>, keepdims = true} : (tensor<3x8xf32>) -> tensor<3x1xf32>
  %1 = torsh.mean %h {axes = array<i64: 0>} : (tensor<8xf16>) -> tensor<f16>
  %2 = torsh.mean %d {axes = array<i64: 0>} : (tensor<?xf32>) -> tensor<f32>
  return %0, %1, %2 : tensor<3x1xf32>, tensor<f16>, tensor<f32>
}
