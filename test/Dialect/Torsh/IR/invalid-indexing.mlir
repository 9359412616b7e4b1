// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid(%x: tensor<4x8xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{torsh.gather: needs one tensor of positions for each of its axes}}
  // expected-error @+1 {{'torsh.gather' op failed to infer returned types}}
  %0 = "torsh.gather"(%x, %i) {axes = array<i64: 0, 1>} : (tensor<4x8xf32>, tensor<3xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{torsh.gather: axes must be distinct, sorted axes of 'tensor<4x8xf32>'}}
  // expected-error @+1 {{'torsh.gather' op failed to infer returned types}}
  %0 = "torsh.gather"(%x, %i, %i) {axes = array<i64: 1, 0>} : (tensor<4x8xf32>, tensor<3xi64>, tensor<3xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>, %i: tensor<3xi64>, %j: tensor<2xi64>) {
  // expected-error @+2 {{torsh.gather: the shapes of the positions do not broadcast}}
  // expected-error @+1 {{'torsh.gather' op failed to infer returned types}}
  %0 = "torsh.gather"(%x, %i, %j) {axes = array<i64: 0, 1>} : (tensor<4x8xf32>, tensor<3xi64>, tensor<2xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<0x8xf32>, %i: tensor<3xi64>) {
  // expected-error @+2 {{torsh.gather: axis 0 of 'tensor<0x8xf32>' has no element to read}}
  // expected-error @+1 {{'torsh.gather' op failed to infer returned types}}
  %0 = "torsh.gather"(%x, %i) {axes = array<i64: 0>} : (tensor<0x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>, %i: tensor<3x7xi64>) {
  // expected-error @+2 {{torsh.take_along_axis: indices must have the extents of 'tensor<4x8xf32>' but along axis 0, got 'tensor<3x7xi64>'}}
  // expected-error @+1 {{'torsh.take_along_axis' op failed to infer returned types}}
  %0 = "torsh.take_along_axis"(%x, %i) {axis = 0 : i64} : (tensor<4x8xf32>, tensor<3x7xi64>) -> tensor<3x7xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>, %i: tensor<3x8xi64>) {
  // expected-error @+2 {{torsh.take_along_axis: axis 2 is out of range for 'tensor<4x8xf32>'}}
  // expected-error @+1 {{'torsh.take_along_axis' op failed to infer returned types}}
  %0 = "torsh.take_along_axis"(%x, %i) {axis = 2 : i64} : (tensor<4x8xf32>, tensor<3x8xi64>) -> tensor<3x8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>, %i: tensor<3xi64>, %u: tensor<3x7xf32>) {
  // expected-error @+2 {{torsh.scatter: updates must be 'tensor<3x8xf32>', got 'tensor<3x7xf32>'}}
  // expected-error @+1 {{'torsh.scatter' op failed to infer returned types}}
  %0 = "torsh.scatter"(%x, %u, %i) {axes = array<i64: 0>} : (tensor<4x8xf32>, tensor<3x7xf32>, tensor<3xi64>) -> tensor<4x8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xi1>, %i: tensor<3xi64>, %u: tensor<3x8xi1>) {
  // expected-error @+1 {{'torsh.scatter' op combines numbers, not bools}}
  %0 = torsh.scatter %x, %u at (%i) {axes = array<i64: 0>, reduction = #torsh.scatter_reduction<max>} : (tensor<4x8xi1>, tensor<3x8xi1>, tensor<3xi64>) -> tensor<4x8xi1>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>, %i: tensor<3x8xi64>, %u: tensor<3x8xf64>) {
  // expected-error @+2 {{torsh.put_along_axis: updates must be 'tensor<3x8xf32>', got 'tensor<3x8xf64>'}}
  // expected-error @+1 {{'torsh.put_along_axis' op failed to infer returned types}}
  %0 = "torsh.put_along_axis"(%x, %i, %u) {axis = 0 : i64} : (tensor<4x8xf32>, tensor<3x8xi64>, tensor<3x8xf64>) -> tensor<4x8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{torsh.scan: axis 2 is out of range for 'tensor<4x8xf32>'}}
  // expected-error @+1 {{'torsh.scan' op failed to infer returned types}}
  %0 = "torsh.scan"(%x) {axis = 2 : i64, kind = #torsh<scan sum>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{torsh.rank: axis -1 is out of range for 'tensor<4x8xf32>'}}
  // expected-error @+1 {{'torsh.rank' op failed to infer returned types}}
  %0 = "torsh.rank"(%x) {axis = -1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xi64>
  return
}

// -----

func.func @invalid(%x: tensor<f32>) {
  // expected-error @+2 {{torsh.argsort: axis 0 is out of range for 'tensor<f32>'}}
  // expected-error @+1 {{'torsh.argsort' op failed to infer returned types}}
  %0 = "torsh.argsort"(%x) {axis = 0 : i64} : (tensor<f32>) -> tensor<i64>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+1 {{'torsh.shift_left' op operand #0 must be ranked tensor of integer}}
  %0 = torsh.shift_left %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<4xi1>) {
  // expected-error @+1 {{'torsh.shift_right' op operand #0 must be ranked tensor of integer}}
  %0 = torsh.shift_right %x, %x : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  return
}

// -----

func.func @invalid(%x: tensor<4xf32>) {
  // expected-error @+2 {{torsh.bitcast: cannot take the bits of 'tensor<4xf32>' as 'f64'}}
  // expected-error @+1 {{'torsh.bitcast' op failed to infer returned types}}
  %0 = "torsh.bitcast"(%x) {dtype = f64} : (tensor<4xf32>) -> tensor<4xf64>
  return
}

// -----

func.func @invalid(%x: tensor<4xi64>) {
  // expected-error @+1 {{'torsh.philox' op operand #0 must be ranked tensor of 64-bit unsigned integer values}}
  %0 = torsh.philox %x, %x : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  return
}
