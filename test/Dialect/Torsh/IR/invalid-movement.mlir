// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid() {
  // expected-error @+1 {{'torsh.constant' op result #0 must be ranked tensor of float (f16, bf16, f32, f64) or integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) or bool (i1) values, but got 'vector<2xf32>'}}
  %0 = torsh.constant dense<1.0> : vector<2xf32>
  return
}

// -----

func.func @invalid(%n: index) {
  // expected-error @+1 {{'torsh.iota' op axis 1 is out of range for 'tensor<2xi64>'}}
  %0 = torsh.iota {axis = 1 : i64} : tensor<2xi64>
  return
}

// -----

func.func @invalid(%n: index) {
  // expected-error @+1 {{'torsh.iota' op needs one size per '?' of its result}}
  %0 = torsh.iota {axis = 0 : i64} : tensor<?xi64>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'torsh.reshape' op cannot give 'tensor<2x3xf32>' the shape of 'tensor<5xf32>'}}
  %0 = torsh.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'torsh.reshape' op cannot give 'tensor<2x3xf32>' the shape of 'tensor<?x4xf32>'}}
  %0 = torsh.reshape %x : (tensor<2x3xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<?x?xf32>) {
  // expected-error @+1 {{'torsh.reshape' op has several '?' in its result, so each needs a size}}
  %0 = torsh.reshape %x : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @invalid(%x: tensor<?x?xf32>, %n: index) {
  // expected-error @+1 {{'torsh.reshape' op needs one size per '?' of its result, or none}}
  %0 = torsh.reshape %x sizes(%n) : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @invalid(%x: tensor<6xf32>) {
  // expected-error @+1 {{'torsh.reshape' op keeps the element type, got 'tensor<6xf32>' and 'tensor<6xf64>'}}
  %0 = torsh.reshape %x : (tensor<6xf32>) -> tensor<6xf64>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'torsh.broadcast' op cannot lower the rank: 'tensor<2x3xf32>' to 'tensor<3xf32>'}}
  %0 = torsh.broadcast %x : (tensor<2x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>) {
  // expected-error @+1 {{'torsh.broadcast' op cannot broadcast 'tensor<2xf32>' to 'tensor<4xf32>'}}
  %0 = torsh.broadcast %x : (tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1xf32>) {
  // expected-error @+1 {{'torsh.broadcast' op needs sizes: a '?' of the result is not one of the input}}
  %0 = torsh.broadcast %x : (tensor<1xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.permute: permutation must name each axis of 'tensor<2x3xf32>' once}}
  // expected-error @+1 {{'torsh.permute' op failed to infer returned types}}
  %0 = torsh.permute %x {permutation = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.permute: permutation must name each axis of 'tensor<2x3xf32>' once}}
  // expected-error @+1 {{'torsh.permute' op failed to infer returned types}}
  %0 = torsh.permute %x {permutation = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.slice: start, stop and stride must have 1 entries, one per axis}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: 0, 0>, stop = array<i64: 2>, stride = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.slice: stride must not be zero on axis 0}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: 0>, stop = array<i64: 2>, stride = array<i64: 0>} : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.slice: [5, 4) by 1 is out of range for axis 0 of 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: 5>, stop = array<i64: 4>, stride = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.slice: [0, 5) by 1 is out of range for axis 0 of 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: 0>, stop = array<i64: 5>, stride = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.slice: [4, 0) by -1 is out of range for axis 0 of 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: 4>, stop = array<i64: 0>, stride = array<i64: -1>} : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.slice: [1, -9) by -1 is out of range for axis 0 of 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: 1>, stop = array<i64: -9>, stride = array<i64: -1>} : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.slice: [-1, 2) by 1 is out of range for axis 0 of 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: -1>, stop = array<i64: 2>, stride = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<?xf32>) {
  // expected-error @+2 {{torsh.slice: needs 0 <= start <= stop and a positive stride on the '?' axis 0}}
  // expected-error @+1 {{'torsh.slice' op failed to infer returned types}}
  %0 = torsh.slice %x {start = array<i64: 3>, stop = array<i64: -1>, stride = array<i64: -1>} : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>) {
  // expected-error @+2 {{torsh.concat: needs at least one tensor}}
  // expected-error @+1 {{'torsh.concat' op failed to infer returned types}}
  %0 = torsh.concat {axis = 0 : i64} : () -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>) {
  // expected-error @+2 {{torsh.concat: axis 1 is out of range for 'tensor<2xf32>'}}
  // expected-error @+1 {{'torsh.concat' op failed to infer returned types}}
  %0 = torsh.concat %x, %x {axis = 1 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error @+2 {{torsh.concat: extents differ along axis 1: 'tensor<2x3xf32>' and 'tensor<2x4xf32>'}}
  // expected-error @+1 {{'torsh.concat' op failed to infer returned types}}
  %0 = torsh.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>, %y: tensor<2xi32>) {
  // expected-error @+2 {{torsh.concat: tensors must have one rank and element type, got 'tensor<2xf32>' and 'tensor<2xi32>'}}
  // expected-error @+1 {{'torsh.concat' op failed to infer returned types}}
  %0 = torsh.concat %x, %y {axis = 0 : i64} : (tensor<2xf32>, tensor<2xi32>) -> tensor<4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<9223372036854775807xi8>) {
  // expected-error @+2 {{torsh.concat: the extent along axis 0 exceeds i64}}
  // expected-error @+1 {{'torsh.concat' op failed to infer returned types}}
  %0 = torsh.concat %x, %x {axis = 0 : i64} : (tensor<9223372036854775807xi8>, tensor<9223372036854775807xi8>) -> tensor<?xi8>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>, %v: tensor<i32>) {
  // expected-error @+2 {{torsh.pad: value must be one element of type 'f32', got 'tensor<i32>'}}
  // expected-error @+1 {{'torsh.pad' op failed to infer returned types}}
  %0 = torsh.pad %x, %v {low = array<i64: 1>, high = array<i64: 1>} : (tensor<2xf32>, tensor<i32>) -> tensor<4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{torsh.pad: low and high must have 1 entries, one per axis}}
  // expected-error @+1 {{'torsh.pad' op failed to infer returned types}}
  %0 = torsh.pad %x, %v {low = array<i64: 1, 1>, high = array<i64: 1>} : (tensor<2xf32>, tensor<f32>) -> tensor<4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{torsh.pad: padding must not be negative on axis 0}}
  // expected-error @+1 {{'torsh.pad' op failed to infer returned types}}
  %0 = torsh.pad %x, %v {low = array<i64: -1>, high = array<i64: 1>} : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>, %v: tensor<f32>) {
  // expected-error @+2 {{torsh.pad: the extent along axis 0 exceeds i64}}
  // expected-error @+1 {{'torsh.pad' op failed to infer returned types}}
  %0 = torsh.pad %x, %v {low = array<i64: 9223372036854775807>, high = array<i64: 1>} : (tensor<2xf32>, tensor<f32>) -> tensor<?xf32>
  return
}
