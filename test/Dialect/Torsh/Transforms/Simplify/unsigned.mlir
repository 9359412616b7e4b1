// RUN: torsh-opt %s --split-input-file --torsh-fold-constants --torsh-simplify-algebra --torsh-reduce-strength | FileCheck %s

// Constants are folded as unsigned numbers.
// CHECK-LABEL: func.func @folds
// CHECK-DAG: torsh.constant dense<[100, 106]> : tensor<2xui8>
// CHECK-DAG: torsh.constant dense<[66, 33]> : tensor<2xui8>
// CHECK-DAG: torsh.constant dense<[200, 250]> : tensor<2xui8>
// CHECK-DAG: torsh.constant dense<[true, false]> : tensor<2xi1>
// CHECK-DAG: torsh.constant dense<[2.000000e+02, 1.000000e+02]> : tensor<2xf32>
// CHECK-DAG: torsh.constant dense<[0, 255, 0, 7]> : tensor<4xui8>
func.func @folds() -> (tensor<2xui8>, tensor<2xui8>, tensor<2xui8>, tensor<2xi1>, tensor<2xf32>, tensor<4xui8>) {
  %x = torsh.constant dense<[200, 100]> : tensor<2xui8>
  %y = torsh.constant dense<[100, 250]> : tensor<2xui8>
  %three = torsh.constant dense<3> : tensor<ui8>
  %large = torsh.constant dense<[-3.0, 1.0e9, 0x7FC00000, 7.9]> : tensor<4xf32>
  %0 = torsh.sub %x, %y : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
  %1 = torsh.floor_divide %x, %three : (tensor<2xui8>, tensor<ui8>) -> tensor<2xui8>
  %2 = torsh.maximum %x, %y : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
  %3 = torsh.compare gt, %x, %y : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xi1>
  %4 = torsh.cast %x to f32 : (tensor<2xui8>) -> tensor<2xf32>
  %5 = torsh.cast %large to ui8 : (tensor<4xf32>) -> tensor<4xui8>
  return %0, %1, %2, %3, %4, %5 : tensor<2xui8>, tensor<2xui8>, tensor<2xui8>, tensor<2xi1>, tensor<2xf32>, tensor<4xui8>
}

// -----

// No number is below zero, and none divides to its negation.
// CHECK-LABEL: func.func @no_sign
// CHECK-SAME: %[[X:.*]]: tensor<8xui8>
// CHECK-DAG: %[[NEG:.*]] = torsh.neg %[[X]]
// CHECK-DAG: %[[QUOTIENT:.*]] = torsh.floor_divide %[[X]]
// CHECK: return %[[X]], %[[X]], %[[NEG]], %[[QUOTIENT]]
func.func @no_sign(%x: tensor<8xui8>) -> (tensor<8xui8>, tensor<8xui8>, tensor<8xui8>, tensor<8xui8>) {
  %most = torsh.constant dense<255> : tensor<ui8>
  %0 = torsh.abs %x : (tensor<8xui8>) -> tensor<8xui8>
  %1 = torsh.relu %x : (tensor<8xui8>) -> tensor<8xui8>
  %2 = torsh.neg %x : (tensor<8xui8>) -> tensor<8xui8>
  %3 = torsh.abs %2 : (tensor<8xui8>) -> tensor<8xui8>
  %4 = torsh.floor_divide %x, %most : (tensor<8xui8>, tensor<ui8>) -> tensor<8xui8>
  return %0, %1, %3, %4 : tensor<8xui8>, tensor<8xui8>, tensor<8xui8>, tensor<8xui8>
}

// -----

// All ones are minus one, modulo the width, and neutral to and.
// CHECK-LABEL: func.func @all_ones
// CHECK-SAME: %[[X:.*]]: tensor<8xui16>
// CHECK-DAG: %[[NEG:.*]] = torsh.neg %[[X]]
// CHECK-DAG: %[[NOT:.*]] = torsh.not %[[X]]
// CHECK: return %[[NEG]], %[[X]], %[[NOT]]
func.func @all_ones(%x: tensor<8xui16>) -> (tensor<8xui16>, tensor<8xui16>, tensor<8xui16>) {
  %most = torsh.constant dense<65535> : tensor<ui16>
  %0 = torsh.mul %x, %most : (tensor<8xui16>, tensor<ui16>) -> tensor<8xui16>
  %1 = torsh.and %x, %most : (tensor<8xui16>, tensor<ui16>) -> tensor<8xui16>
  %2 = torsh.xor %x, %most : (tensor<8xui16>, tensor<ui16>) -> tensor<8xui16>
  return %0, %1, %2 : tensor<8xui16>, tensor<8xui16>, tensor<8xui16>
}

// -----

// The highest bit is a power of two like the others.
// CHECK-LABEL: func.func @remainder
// CHECK: %[[MASK:.*]] = torsh.constant dense<127> : tensor<ui8>
// CHECK: torsh.and %{{.*}}, %[[MASK]]
func.func @remainder(%x: tensor<8xui8>) -> tensor<8xui8> {
  %half = torsh.constant dense<128> : tensor<ui8>
  %0 = torsh.remainder %x, %half : (tensor<8xui8>, tensor<ui8>) -> tensor<8xui8>
  return %0 : tensor<8xui8>
}

// -----

// A cast to a type of the other sign keeps all values only if it has a bit more.
// CHECK-LABEL: func.func @casts
// CHECK-SAME: %[[S:.*]]: tensor<8xi8>, %[[U:.*]]: tensor<8xui8>
// CHECK-DAG: %[[A:.*]] = torsh.cast %[[S]] to ui16
// CHECK-DAG: %[[WRAPPED:.*]] = torsh.cast %[[A]] to i32
// CHECK-DAG: %[[B:.*]] = torsh.cast %[[U]] to i8
// CHECK-DAG: %[[SIGNED:.*]] = torsh.cast %[[B]] to i32
// CHECK-DAG: %[[WIDE:.*]] = torsh.cast %[[U]] to i64
// CHECK: return %[[WRAPPED]], %[[SIGNED]], %[[WIDE]], %[[U]]
func.func @casts(%s: tensor<8xi8>, %u: tensor<8xui8>) -> (tensor<8xi32>, tensor<8xi32>, tensor<8xi64>, tensor<8xui8>) {
  %0 = torsh.cast %s to ui16 : (tensor<8xi8>) -> tensor<8xui16>
  %1 = torsh.cast %0 to i32 : (tensor<8xui16>) -> tensor<8xi32>
  %2 = torsh.cast %u to i8 : (tensor<8xui8>) -> tensor<8xi8>
  %3 = torsh.cast %2 to i32 : (tensor<8xi8>) -> tensor<8xi32>
  %4 = torsh.cast %u to i16 : (tensor<8xui8>) -> tensor<8xi16>
  %5 = torsh.cast %4 to i64 : (tensor<8xi16>) -> tensor<8xi64>
  %6 = torsh.cast %4 to ui8 : (tensor<8xi16>) -> tensor<8xui8>
  return %1, %3, %5, %6 : tensor<8xi32>, tensor<8xi32>, tensor<8xi64>, tensor<8xui8>
}

// -----

// Over a float the values of the signed type below zero are clamped.
// CHECK-LABEL: func.func @casts_over_floats
// CHECK-SAME: %[[S:.*]]: tensor<8xi8>, %[[U:.*]]: tensor<8xui8>
// CHECK: %[[F:.*]] = torsh.cast %[[S]] to f32
// CHECK: %[[CLAMPED:.*]] = torsh.cast %[[F]] to ui16
// CHECK: %[[DIRECT:.*]] = torsh.cast %[[U]] to i16
// CHECK: return %[[CLAMPED]], %[[DIRECT]]
func.func @casts_over_floats(%s: tensor<8xi8>, %u: tensor<8xui8>) -> (tensor<8xui16>, tensor<8xi16>) {
  %0 = torsh.cast %s to f32 : (tensor<8xi8>) -> tensor<8xf32>
  %1 = torsh.cast %0 to ui16 : (tensor<8xf32>) -> tensor<8xui16>
  %2 = torsh.cast %u to f16 : (tensor<8xui8>) -> tensor<8xf16>
  %3 = torsh.cast %2 to i16 : (tensor<8xf16>) -> tensor<8xi16>
  return %1, %3 : tensor<8xui16>, tensor<8xi16>
}
