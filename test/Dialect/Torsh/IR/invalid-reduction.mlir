// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.sum: axis 2 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.sum' op failed to infer returned types}}
  %0 = torsh.sum %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.prod: axis 2 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.prod' op failed to infer returned types}}
  %0 = torsh.prod %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.amax: axis 2 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.amax' op failed to infer returned types}}
  %0 = torsh.amax %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.amin: axis 2 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.amin' op failed to infer returned types}}
  %0 = torsh.amin %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.mean: axis 2 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.mean' op failed to infer returned types}}
  %0 = torsh.mean %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xi1>) {
  // expected-error @+2 {{torsh.any: axis -1 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.any' op failed to infer returned types}}
  %0 = torsh.any %x {axes = array<i64: -1>} : (tensor<2x3xi1>) -> tensor<2xi1>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xi1>) {
  // expected-error @+2 {{torsh.all: axis -1 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.all' op failed to infer returned types}}
  %0 = torsh.all %x {axes = array<i64: -1>} : (tensor<2x3xi1>) -> tensor<2xi1>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.argmax: axis 2 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.argmax' op failed to infer returned types}}
  %0 = torsh.argmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.argmin: axis 2 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.argmin' op failed to infer returned types}}
  %0 = torsh.argmin %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @invalid(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'torsh.amax' op reduces an axis of extent 0, which has no value}}
  %0 = torsh.amax %x {axes = array<i64: 1>} : (tensor<2x0xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'torsh.amin' op reduces an axis of extent 0, which has no value}}
  %0 = torsh.amin %x {axes = array<i64: 1>} : (tensor<2x0xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'torsh.argmax' op reduces an axis of extent 0, which has no value}}
  %0 = torsh.argmax %x {axis = 1 : i64} : (tensor<2x0xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @invalid(%x: tensor<2x0xf32>) {
  // expected-error @+1 {{'torsh.argmin' op reduces an axis of extent 0, which has no value}}
  %0 = torsh.argmin %x {axis = 1 : i64} : (tensor<2x0xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.sum: axes must be distinct and sorted}}
  // expected-error @+1 {{'torsh.sum' op failed to infer returned types}}
  %0 = torsh.sum %x {axes = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<f32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.sum: axes must be distinct and sorted}}
  // expected-error @+1 {{'torsh.sum' op failed to infer returned types}}
  %0 = torsh.sum %x {axes = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'torsh.sum' op inferred type(s) 'tensor<2x1xf32>' are incompatible with return type(s) of operation 'tensor<2xf32>'}}
  // expected-error @+1 {{'torsh.sum' op failed to infer returned types}}
  %0 = torsh.sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xi32>) {
  // expected-error @+1 {{'torsh.mean' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<2x3xi32>'}}
  %0 = torsh.mean %x {axes = array<i64: 1>} : (tensor<2x3xi32>) -> tensor<2xi32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'torsh.any' op operand #0 must be ranked tensor of bool (i1) values, but got 'tensor<2x3xf32>'}}
  %0 = torsh.any %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'torsh.argmax' op result #0 must be tensor of 64-bit signless integer values, but got 'tensor<2xi32>'}}
  %0 = torsh.argmax %x {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2xi32>
  return
}

// -----

// Far out of range: nothing reads the extent of such an axis.
func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.argmin: axis 2147483648 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.argmin' op failed to infer returned types}}
  %0 = torsh.argmin %x {axis = 2147483648 : i64} : (tensor<2x3xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.amax: axis -2147483648 is out of range for rank 2}}
  // expected-error @+1 {{'torsh.amax' op failed to infer returned types}}
  %0 = torsh.amax %x {axes = array<i64: -2147483648>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}
