// RUN: torsh-opt %s --split-input-file --torsh-simplify-algebra | FileCheck %s

// CHECK-LABEL: func.func @compare_with_itself
// CHECK-DAG: %[[TRUE:.*]] = torsh.constant dense<true> : tensor<8xi1>
// CHECK-DAG: %[[FALSE:.*]] = torsh.constant dense<false> : tensor<8xi1>
// CHECK: %[[NAN:.*]] = torsh.isnan %arg1
// CHECK: %[[EQ:.*]] = torsh.compare eq, %arg1, %arg1
// CHECK: return %[[TRUE]], %[[FALSE]], %[[FALSE]], %[[NAN]], %[[EQ]]
func.func @compare_with_itself(%x: tensor<8xi32>, %y: tensor<8xf32>) -> (tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>) {
  %0 = torsh.compare le, %x, %x : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi1>
  %1 = torsh.compare ne, %x, %x : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi1>
  %2 = torsh.compare lt, %y, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %3 = torsh.compare ne, %y, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %4 = torsh.compare eq, %y, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  return %0, %1, %2, %3, %4 : tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>
}

// -----

// CHECK-LABEL: func.func @constant_last
// CHECK: torsh.compare gt, %arg0, %{{.*}}
func.func @constant_last(%x: tensor<8xf32>) -> tensor<8xi1> {
  %c = torsh.constant dense<1.0> : tensor<f32>
  %0 = torsh.compare lt, %c, %x : (tensor<f32>, tensor<8xf32>) -> tensor<8xi1>
  return %0 : tensor<8xi1>
}

// -----

// CHECK-LABEL: func.func @select
// CHECK-SAME: %[[C:.*]]: tensor<8xi1>, %[[X:.*]]: tensor<8xf32>, %[[Y:.*]]: tensor<8xf32>
// CHECK-NEXT: %[[S:.*]] = torsh.select %[[C]], %[[Y]], %[[X]]
// CHECK-NEXT: return %[[Y]], %[[X]], %[[S]]
func.func @select(%c: tensor<8xi1>, %x: tensor<8xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %false = torsh.constant dense<false> : tensor<i1>
  %0 = torsh.select %false, %x, %y : (tensor<i1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.select %c, %x, %x : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %n = torsh.not %c : (tensor<8xi1>) -> tensor<8xi1>
  %2 = torsh.select %n, %x, %y : (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0, %1, %2 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// The choice would have to be broadcast, or a check of '?' would be lost.
// CHECK-LABEL: func.func @select_stays
// CHECK: torsh.select
// CHECK: torsh.select
func.func @select_stays(%c: tensor<?xi1>, %x: tensor<?xf32>, %y: tensor<8xf32>, %s: tensor<f32>) -> (tensor<?xf32>, tensor<8xf32>) {
  %true = torsh.constant dense<true> : tensor<i1>
  %0 = torsh.select %c, %x, %x : (tensor<?xi1>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %1 = torsh.select %true, %s, %y : (tensor<i1>, tensor<f32>, tensor<8xf32>) -> tensor<8xf32>
  return %0, %1 : tensor<?xf32>, tensor<8xf32>
}

// -----

// CHECK-LABEL: func.func @bits
// CHECK-DAG: %[[ZERO:.*]] = torsh.constant dense<0> : tensor<8xi16>
// CHECK-DAG: %[[FALSE:.*]] = torsh.constant dense<false> : tensor<8xi1>
// CHECK-DAG: %[[NOT:.*]] = torsh.not %arg0
// CHECK: return %arg0, %arg0, %[[ZERO]], %arg0, %[[NOT]], %arg1, %[[FALSE]]
func.func @bits(%x: tensor<8xi16>, %p: tensor<8xi1>) -> (tensor<8xi16>, tensor<8xi16>, tensor<8xi16>, tensor<8xi16>, tensor<8xi16>, tensor<8xi1>, tensor<8xi1>) {
  %ones = torsh.constant dense<-1> : tensor<i16>
  %zero = torsh.constant dense<0> : tensor<i16>
  %true = torsh.constant dense<true> : tensor<i1>
  %n = torsh.not %x : (tensor<8xi16>) -> tensor<8xi16>
  %0 = torsh.not %n : (tensor<8xi16>) -> tensor<8xi16>
  %1 = torsh.and %x, %ones : (tensor<8xi16>, tensor<i16>) -> tensor<8xi16>
  %2 = torsh.and %zero, %x : (tensor<i16>, tensor<8xi16>) -> tensor<8xi16>
  %3 = torsh.or %x, %zero : (tensor<8xi16>, tensor<i16>) -> tensor<8xi16>
  %4 = torsh.xor %x, %ones : (tensor<8xi16>, tensor<i16>) -> tensor<8xi16>
  %5 = torsh.and %p, %true : (tensor<8xi1>, tensor<i1>) -> tensor<8xi1>
  %6 = torsh.xor %p, %p : (tensor<8xi1>, tensor<8xi1>) -> tensor<8xi1>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<8xi16>, tensor<8xi16>, tensor<8xi16>, tensor<8xi16>, tensor<8xi16>, tensor<8xi1>, tensor<8xi1>
}

// -----

// Casts of casts: only what loses nothing on the way, and rounds and clamps alike.
// CHECK-LABEL: func.func @casts
// CHECK-SAME: %[[B:.*]]: tensor<8xi8>, %[[H:.*]]: tensor<8xf16>, %[[F:.*]]: tensor<8xf32>, %[[I:.*]]: tensor<8xi32>
// CHECK-DAG: %[[BF:.*]] = torsh.cast %[[B]] to f32
// CHECK-DAG: %[[IB:.*]] = torsh.cast %[[I]] to i8
// CHECK-DAG: %[[I8:.*]] = torsh.cast %[[IB]] to i32
// CHECK-DAG: %[[IF:.*]] = torsh.cast %[[I]] to f32
// CHECK-DAG: %[[II:.*]] = torsh.cast %[[IF]] to i32
// CHECK-DAG: %[[FD:.*]] = torsh.cast %[[F]] to f64
// CHECK-DAG: %[[FI:.*]] = torsh.cast %[[FD]] to i32
// CHECK: return %[[BF]], %[[H]], %[[I8]], %[[II]], %[[FI]]
func.func @casts(%b: tensor<8xi8>, %h: tensor<8xf16>, %f: tensor<8xf32>, %i: tensor<8xi32>) -> (tensor<8xf32>, tensor<8xf16>, tensor<8xi32>, tensor<8xi32>, tensor<8xi32>) {
  %0 = torsh.cast %b to i32 : (tensor<8xi8>) -> tensor<8xi32>
  %1 = torsh.cast %0 to f32 : (tensor<8xi32>) -> tensor<8xf32>
  %2 = torsh.cast %h to f32 : (tensor<8xf16>) -> tensor<8xf32>
  %3 = torsh.cast %2 to f16 : (tensor<8xf32>) -> tensor<8xf16>
  %4 = torsh.cast %i to i8 : (tensor<8xi32>) -> tensor<8xi8>
  %5 = torsh.cast %4 to i32 : (tensor<8xi8>) -> tensor<8xi32>
  %6 = torsh.cast %i to f32 : (tensor<8xi32>) -> tensor<8xf32>
  %7 = torsh.cast %6 to i32 : (tensor<8xf32>) -> tensor<8xi32>
  %8 = torsh.cast %f to f64 : (tensor<8xf32>) -> tensor<8xf64>
  %9 = torsh.cast %8 to i32 : (tensor<8xf64>) -> tensor<8xi32>
  return %1, %3, %5, %7, %9 : tensor<8xf32>, tensor<8xf16>, tensor<8xi32>, tensor<8xi32>, tensor<8xi32>
}
