// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @unary
// CHECK: torsh.neg %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.abs %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.sign %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.sqrt %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.rsqrt %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.reciprocal %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.exp %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.expm1 %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.log %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.log1p %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.sin %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.cos %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.tanh %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.erf %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.floor %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.ceil %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.trunc %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.round %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.relu %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.sigmoid %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.silu %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.gelu %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.softplus %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.leaky_relu %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.elu %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.hardsigmoid %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
// CHECK: torsh.hardswish %arg0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
func.func @unary(%x: tensor<?x8xf32>) {
  %0 = torsh.neg %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = torsh.abs %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = torsh.sign %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %3 = torsh.sqrt %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %4 = torsh.rsqrt %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %5 = torsh.reciprocal %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %6 = torsh.exp %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %7 = torsh.expm1 %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %8 = torsh.log %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %9 = torsh.log1p %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %10 = torsh.sin %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %11 = torsh.cos %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %12 = torsh.tanh %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %13 = torsh.erf %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %14 = torsh.floor %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %15 = torsh.ceil %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %16 = torsh.trunc %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %17 = torsh.round %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %18 = torsh.relu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %19 = torsh.sigmoid %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %20 = torsh.silu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %21 = torsh.gelu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %22 = torsh.softplus %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %23 = torsh.leaky_relu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %24 = torsh.elu %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %25 = torsh.hardsigmoid %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %26 = torsh.hardswish %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func.func @binary
// CHECK: torsh.add %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.sub %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.mul %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.div %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.floor_divide %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.remainder %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.pow %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.maximum %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.minimum %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
// CHECK: torsh.atan2 %arg0, %arg1 : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
func.func @binary(%x: tensor<?x8xf32>, %y: tensor<1xf32>) {
  %0 = torsh.add %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %1 = torsh.sub %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %2 = torsh.mul %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %3 = torsh.div %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %4 = torsh.floor_divide %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %5 = torsh.remainder %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %6 = torsh.pow %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %7 = torsh.maximum %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %8 = torsh.minimum %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  %9 = torsh.atan2 %x, %y : (tensor<?x8xf32>, tensor<1xf32>) -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func.func @bits
// CHECK: torsh.and %arg0, %arg1 : (tensor<?xi1>, tensor<4xi1>) -> tensor<4xi1>
// CHECK: torsh.or %arg0, %arg1 : (tensor<?xi1>, tensor<4xi1>) -> tensor<4xi1>
// CHECK: torsh.xor %arg0, %arg1 : (tensor<?xi1>, tensor<4xi1>) -> tensor<4xi1>
// CHECK: torsh.not %arg2 : (tensor<2xi64>) -> tensor<2xi64>
func.func @bits(%p: tensor<?xi1>, %q: tensor<4xi1>, %i: tensor<2xi64>) {
  %0 = torsh.and %p, %q : (tensor<?xi1>, tensor<4xi1>) -> tensor<4xi1>
  %1 = torsh.or %p, %q : (tensor<?xi1>, tensor<4xi1>) -> tensor<4xi1>
  %2 = torsh.xor %p, %q : (tensor<?xi1>, tensor<4xi1>) -> tensor<4xi1>
  %3 = torsh.not %i : (tensor<2xi64>) -> tensor<2xi64>
  return
}

// A '?' meets a '?', a static extent, or 1.
// CHECK-LABEL: func.func @compare_and_select
// CHECK: torsh.compare eq, %arg0, %arg1 : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
// CHECK: torsh.compare ne, %arg0, %arg1 : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
// CHECK: torsh.compare lt, %arg0, %arg1 : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
// CHECK: torsh.compare le, %arg0, %arg1 : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
// CHECK: torsh.compare gt, %arg0, %arg1 : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
// CHECK: torsh.compare ge, %arg0, %arg1 : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
// CHECK: torsh.isnan %arg0 : (tensor<?x1xf64>) -> tensor<?x1xi1>
// CHECK: torsh.select %{{.*}}, %arg0, %arg1 : (tensor<?x4xi1>, tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xf64>
func.func @compare_and_select(%x: tensor<?x1xf64>, %y: tensor<?x4xf64>) {
  %0 = torsh.compare eq, %x, %y : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
  %1 = torsh.compare ne, %x, %y : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
  %2 = torsh.compare lt, %x, %y : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
  %3 = torsh.compare le, %x, %y : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
  %4 = torsh.compare gt, %x, %y : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
  %5 = torsh.compare ge, %x, %y : (tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xi1>
  %6 = torsh.isnan %x : (tensor<?x1xf64>) -> tensor<?x1xi1>
  %7 = torsh.select %0, %x, %y : (tensor<?x4xi1>, tensor<?x1xf64>, tensor<?x4xf64>) -> tensor<?x4xf64>
  return
}

// Attributes print where they are not the default.
// CHECK-LABEL: func.func @attributes
// CHECK: torsh.gelu %arg0 {approximate = #torsh.gelu_approximation<tanh>} : (tensor<8xf16>) -> tensor<8xf16>
// CHECK: torsh.leaky_relu %arg0 {negative_slope = 2.000000e-01 : f64} : (tensor<8xf16>) -> tensor<8xf16>
// CHECK: torsh.elu %arg0 {alpha = 5.000000e-01 : f64} : (tensor<8xf16>) -> tensor<8xf16>
// CHECK: torsh.cast %arg0 to bf16 : (tensor<8xf16>) -> tensor<8xbf16>
// CHECK: torsh.cast %arg0 to i1 : (tensor<8xf16>) -> tensor<8xi1>
func.func @attributes(%x: tensor<8xf16>) {
  %0 = torsh.gelu %x {approximate = #torsh.gelu_approximation<tanh>} : (tensor<8xf16>) -> tensor<8xf16>
  %1 = torsh.leaky_relu %x {negative_slope = 0.2 : f64} : (tensor<8xf16>) -> tensor<8xf16>
  %2 = torsh.elu %x {alpha = 0.5 : f64} : (tensor<8xf16>) -> tensor<8xf16>
  %3 = torsh.cast %x to bf16 : (tensor<8xf16>) -> tensor<8xbf16>
  %4 = torsh.cast %x to i1 : (tensor<8xf16>) -> tensor<8xi1>
  return
}
