// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid(%x: tensor<8xui8>, %y: tensor<8xi8>) {
  // expected-error @+2 {{torsh.add: operands must have one element type, got 'ui8' and 'i8'}}
  // expected-error @+1 {{'torsh.add' op failed to infer returned types}}
  %0 = torsh.add %x, %y : (tensor<8xui8>, tensor<8xi8>) -> tensor<8xui8>
  return
}

// -----

// A sign in the type is no element type: i8 is signed already.
func.func @invalid(%x: tensor<8xsi8>) {
  // expected-error @+1 {{'torsh.neg' op operand #0 must be ranked tensor of}}
  %0 = torsh.neg %x : (tensor<8xsi8>) -> tensor<8xsi8>
  return
}

// -----

func.func @invalid(%x: tensor<8xui32>) {
  // expected-error @+1 {{'torsh.mean' op operand #0 must be ranked tensor of float}}
  %0 = torsh.mean %x {axes = array<i64: 0>} : (tensor<8xui32>) -> tensor<ui32>
  return
}

// -----

func.func @invalid(%x: tensor<8xui4>) {
  // expected-error @+1 {{'torsh.add' op operand #0 must be ranked tensor of}}
  %0 = torsh.add %x, %x : (tensor<8xui4>, tensor<8xui4>) -> tensor<8xui4>
  return
}
