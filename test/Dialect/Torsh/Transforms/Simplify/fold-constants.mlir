// RUN: torsh-opt %s --split-input-file --torsh-fold-constants | FileCheck %s
// RUN: torsh-opt %s --split-input-file --torsh-fold-constants="fast" | FileCheck %s --check-prefix=FAST
// RUN: torsh-opt %s --split-input-file --torsh-fold-constants="max-bytes=8 max-evaluations=3" | FileCheck %s --check-prefix=BOUND

// Splats of any size are one evaluation and one element.
// CHECK-LABEL: func.func @splat
// CHECK-NEXT: %[[C:.*]] = torsh.constant dense<6.000000e+00> : tensor<4096x4096xf32>
// CHECK-NEXT: return %[[C]]
// BOUND-LABEL: func.func @splat
// BOUND-NEXT: torsh.constant dense<6.000000e+00>
func.func @splat() -> tensor<4096x4096xf32> {
  %a = torsh.constant dense<2.0> : tensor<4096x4096xf32>
  %b = torsh.constant dense<3.0> : tensor<4096xf32>
  %0 = torsh.mul %a, %b : (tensor<4096x4096xf32>, tensor<4096xf32>) -> tensor<4096x4096xf32>
  return %0 : tensor<4096x4096xf32>
}

// -----

// Broadcasting, and a splat beside a constant that is none.
// CHECK-LABEL: func.func @broadcasting
// CHECK: torsh.constant dense<{{\[}}[1.100000e+01, 1.200000e+01], [2.100000e+01, 2.200000e+01]]>
// CHECK: torsh.constant dense<[0.000000e+00, 1.000000e+00]>
// BOUND-LABEL: func.func @broadcasting
// BOUND: torsh.add
// BOUND: torsh.constant dense<[0.000000e+00, 1.000000e+00]>
func.func @broadcasting() -> (tensor<2x2xf32>, tensor<2xf32>) {
  %a = torsh.constant dense<[[10.0], [20.0]]> : tensor<2x1xf32>
  %b = torsh.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %c = torsh.constant dense<1.0> : tensor<f32>
  %0 = torsh.add %a, %b : (tensor<2x1xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %1 = torsh.sub %b, %c : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<2xf32>
}

// -----

// Signed zeros, infinities and NaN as IEEE 754 has them.
// CHECK-LABEL: func.func @ieee
// CHECK-DAG: torsh.constant dense<[0.000000e+00, -0.000000e+00]> : tensor<2xf32>
// CHECK-DAG: torsh.constant dense<[0x7F800000, 0xFF800000]> : tensor<2xf32>
// CHECK-DAG: torsh.constant dense<[false, true]> : tensor<2xi1>
// CHECK-DAG: torsh.constant dense<[true, false]> : tensor<2xi1>
// CHECK-DAG: torsh.constant dense<[0x7FC00000, 1.000000e+00]> : tensor<2xf32>
func.func @ieee() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xi1>, tensor<2xi1>, tensor<2xf32>) {
  %zeros = torsh.constant dense<[-0.0, 0.0]> : tensor<2xf32>
  %signs = torsh.constant dense<[1.0, -1.0]> : tensor<2xf32>
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %nan = torsh.constant dense<[0x7FC00000, 1.0]> : tensor<2xf32>
  %0 = torsh.neg %zeros : (tensor<2xf32>) -> tensor<2xf32>
  %1 = torsh.div %signs, %zero : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  %2 = torsh.compare eq, %nan, %nan : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  %3 = torsh.isnan %nan : (tensor<2xf32>) -> tensor<2xi1>
  %4 = torsh.maximum %nan, %zero : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<2xf32>, tensor<2xf32>, tensor<2xi1>, tensor<2xi1>, tensor<2xf32>
}

// -----

// Integers wrap around, floor division rounds down and survives 0 and -1.
// CHECK-LABEL: func.func @integers
// CHECK-DAG: torsh.constant dense<[-128, -2]> : tensor<2xi8>
// CHECK-DAG: torsh.constant dense<[-4, 3, 0, -128]> : tensor<4xi8>
// CHECK-DAG: torsh.constant dense<[1, 1, 0, 0]> : tensor<4xi8>
func.func @integers() -> (tensor<2xi8>, tensor<4xi8>, tensor<4xi8>) {
  %a = torsh.constant dense<[127, -1]> : tensor<2xi8>
  %b = torsh.constant dense<[1, -1]> : tensor<2xi8>
  %x = torsh.constant dense<[-7, 7, 5, -128]> : tensor<4xi8>
  %y = torsh.constant dense<[2, 2, 0, -1]> : tensor<4xi8>
  %0 = torsh.add %a, %b : (tensor<2xi8>, tensor<2xi8>) -> tensor<2xi8>
  %1 = torsh.floor_divide %x, %y : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  %2 = torsh.remainder %x, %y : (tensor<4xi8>, tensor<4xi8>) -> tensor<4xi8>
  return %0, %1, %2 : tensor<2xi8>, tensor<4xi8>, tensor<4xi8>
}

// -----

// f16 and bf16 are computed in f32 and rounded once, to nearest even.
// CHECK-LABEL: func.func @half
// CHECK-DAG: torsh.constant dense<3.332520e-01> : tensor<4xf16>
// CHECK-DAG: torsh.constant dense<1.000000e+00> : tensor<4xbf16>
// CHECK-DAG: torsh.constant dense<[2.560000e+02, 2.580000e+02]> : tensor<2xbf16>
func.func @half() -> (tensor<4xf16>, tensor<4xbf16>, tensor<2xbf16>) {
  %one = torsh.constant dense<1.0> : tensor<4xf16>
  %three = torsh.constant dense<3.0> : tensor<f16>
  %b = torsh.constant dense<1.0> : tensor<4xbf16>
  %tiny = torsh.constant dense<0.001953125> : tensor<bf16>
  %wide = torsh.constant dense<[257.0, 258.0]> : tensor<2xf32>
  %0 = torsh.div %one, %three : (tensor<4xf16>, tensor<f16>) -> tensor<4xf16>
  %1 = torsh.add %b, %tiny : (tensor<4xbf16>, tensor<bf16>) -> tensor<4xbf16>
  %2 = torsh.cast %wide to bf16 : (tensor<2xf32>) -> tensor<2xbf16>
  return %0, %1, %2 : tensor<4xf16>, tensor<4xbf16>, tensor<2xbf16>
}

// -----

// What the kernel rounds in its own way is left to it, unless fast; sqrt is exact.
// CHECK-LABEL: func.func @transcendental
// CHECK-DAG: torsh.constant dense<1.41421354> : tensor<f32>
// CHECK-DAG: torsh.exp
// CHECK-DAG: torsh.pow
// FAST-LABEL: func.func @transcendental
// FAST-NOT: torsh.exp
// FAST-NOT: torsh.pow
// FAST: return
func.func @transcendental() -> (tensor<f32>, tensor<f32>, tensor<f32>) {
  %two = torsh.constant dense<2.0> : tensor<f32>
  %0 = torsh.sqrt %two : (tensor<f32>) -> tensor<f32>
  %1 = torsh.exp %two : (tensor<f32>) -> tensor<f32>
  %2 = torsh.pow %two, %two : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %0, %1, %2 : tensor<f32>, tensor<f32>, tensor<f32>
}

// -----

// CHECK-LABEL: func.func @select_and_cast
// CHECK-DAG: torsh.constant dense<[1, 20, 3]> : tensor<3xi32>
// CHECK-DAG: torsh.constant dense<[1, -1, 0]> : tensor<3xi8>
// CHECK-DAG: torsh.constant dense<[true, true, false]> : tensor<3xi1>
func.func @select_and_cast() -> (tensor<3xi32>, tensor<3xi8>, tensor<3xi1>) {
  %c = torsh.constant dense<[true, false, true]> : tensor<3xi1>
  %a = torsh.constant dense<[1, 2, 3]> : tensor<3xi32>
  %b = torsh.constant dense<[10, 20, 30]> : tensor<3xi32>
  %f = torsh.constant dense<[1.9, -1.9, 0.0]> : tensor<3xf32>
  %0 = torsh.select %c, %a, %b : (tensor<3xi1>, tensor<3xi32>, tensor<3xi32>) -> tensor<3xi32>
  %1 = torsh.cast %f to i8 : (tensor<3xf32>) -> tensor<3xi8>
  %2 = torsh.cast %f to i1 : (tensor<3xf32>) -> tensor<3xi1>
  return %0, %1, %2 : tensor<3xi32>, tensor<3xi8>, tensor<3xi1>
}

// -----

// CHECK-LABEL: func.func @movement
// CHECK-DAG: torsh.constant dense<{{\[}}[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi32>
// CHECK-DAG: torsh.constant dense<{{\[}}[3, 1], [6, 4]]> : tensor<2x2xi32>
// CHECK-DAG: torsh.constant dense<{{\[}}[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi32>
// CHECK-DAG: torsh.constant dense<{{\[}}[7, 8], [7, 8]]> : tensor<2x2xi32>
// CHECK-DAG: torsh.constant dense<{{\[}}[1, 2, 3, 7, 8], [4, 5, 6, 7, 8]]> : tensor<2x5xi32>
// CHECK-DAG: torsh.constant dense<[0, 7, 8, 0, 0]> : tensor<5xi32>
// CHECK-DAG: torsh.constant dense<{{\[}}[0.000000e+00, 1.000000e+00], [0.000000e+00, 1.000000e+00]]> : tensor<2x2xf16>
// BOUND-LABEL: func.func @movement
// BOUND-DAG: torsh.permute
// BOUND-DAG: torsh.slice
// BOUND-DAG: torsh.broadcast
// BOUND-DAG: torsh.concat
// BOUND-DAG: torsh.pad
// BOUND: torsh.constant dense<{{\[}}[0.000000e+00, 1.000000e+00], [0.000000e+00, 1.000000e+00]]> : tensor<2x2xf16>
func.func @movement() -> (tensor<3x2xi32>, tensor<2x2xi32>, tensor<3x2xi32>, tensor<2x2xi32>,
                          tensor<2x5xi32>, tensor<5xi32>, tensor<2x2xf16>) {
  %a = torsh.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>
  %b = torsh.constant dense<[7, 8]> : tensor<2xi32>
  %zero = torsh.constant dense<0> : tensor<i32>
  %0 = torsh.permute %a {permutation = array<i64: 1, 0>} : (tensor<2x3xi32>) -> tensor<3x2xi32>
  %1 = torsh.slice %a {start = array<i64: 0, 2>, stop = array<i64: 2, -1>, stride = array<i64: 1, -2>} : (tensor<2x3xi32>) -> tensor<2x2xi32>
  %2 = torsh.reshape %a : (tensor<2x3xi32>) -> tensor<3x2xi32>
  %3 = torsh.broadcast %b : (tensor<2xi32>) -> tensor<2x2xi32>
  %4 = torsh.concat %a, %3 {axis = 1 : i64} : (tensor<2x3xi32>, tensor<2x2xi32>) -> tensor<2x5xi32>
  %5 = torsh.pad %b, %zero {low = array<i64: 1>, high = array<i64: 2>} : (tensor<2xi32>, tensor<i32>) -> tensor<5xi32>
  %6 = torsh.iota {axis = 1 : i64} : tensor<2x2xf16>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<3x2xi32>, tensor<2x2xi32>, tensor<3x2xi32>, tensor<2x2xi32>, tensor<2x5xi32>, tensor<5xi32>, tensor<2x2xf16>
}

// -----

// Splats move for nothing, whatever their size; bools and empty tensors too.
// CHECK-LABEL: func.func @splat_movement
// CHECK-DAG: torsh.constant dense<true> : tensor<4096x4096xi1>
// CHECK-DAG: torsh.constant dense<1.000000e+00> : tensor<8192x4096xf64>
// CHECK-DAG: torsh.constant dense<> : tensor<0x4xf32>
// CHECK-DAG: torsh.constant dense<{{\[}}[true, true, false]]> : tensor<1x3xi1>
// CHECK-NOT: torsh.concat
func.func @splat_movement() -> (tensor<4096x4096xi1>, tensor<8192x4096xf64>, tensor<0x4xf32>, tensor<1x3xi1>) {
  %t = torsh.constant dense<true> : tensor<i1>
  %one = torsh.constant dense<1.0> : tensor<4096x4096xf64>
  %empty = torsh.constant dense<> : tensor<0x4xf32>
  %b = torsh.constant dense<[[true], [true]]> : tensor<2x1xi1>
  %f = torsh.constant dense<false> : tensor<1x1xi1>
  %0 = torsh.broadcast %t : (tensor<i1>) -> tensor<4096x4096xi1>
  %1 = torsh.concat %one, %one {axis = 0 : i64} : (tensor<4096x4096xf64>, tensor<4096x4096xf64>) -> tensor<8192x4096xf64>
  %2 = torsh.neg %empty : (tensor<0x4xf32>) -> tensor<0x4xf32>
  %3 = torsh.permute %b {permutation = array<i64: 1, 0>} : (tensor<2x1xi1>) -> tensor<1x2xi1>
  %4 = torsh.concat %3, %f {axis = 1 : i64} : (tensor<1x2xi1>, tensor<1x1xi1>) -> tensor<1x3xi1>
  return %0, %1, %2, %4 : tensor<4096x4096xi1>, tensor<8192x4096xf64>, tensor<0x4xf32>, tensor<1x3xi1>
}

// -----

// Nothing to evaluate: an argument, a '?' extent.
// CHECK-LABEL: func.func @not_constant
// CHECK: torsh.add
// CHECK: torsh.broadcast
// CHECK: torsh.iota
func.func @not_constant(%x: tensor<2xf32>, %n: index) -> (tensor<2xf32>, tensor<?xf32>, tensor<?xi64>) {
  %c = torsh.constant dense<1.0> : tensor<1xf32>
  %0 = torsh.add %x, %c : (tensor<2xf32>, tensor<1xf32>) -> tensor<2xf32>
  %1 = torsh.broadcast %c sizes(%n) : (tensor<1xf32>) -> tensor<?xf32>
  %2 = torsh.iota sizes(%n) {axis = 0 : i64} : tensor<?xi64>
  return %0, %1, %2 : tensor<2xf32>, tensor<?xf32>, tensor<?xi64>
}
