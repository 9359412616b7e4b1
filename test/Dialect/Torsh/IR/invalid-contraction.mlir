// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.matmul: inner extents differ: 'tensor<2x3xf32>' and 'tensor<2x3xf32>'}}
  // expected-error @+1 {{'torsh.matmul' op failed to infer returned types}}
  %0 = torsh.matmul %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<3xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+2 {{torsh.matmul: operands must have rank 2 or more, got 'tensor<3xf32>' and 'tensor<3x4xf32>'}}
  // expected-error @+1 {{'torsh.matmul' op failed to infer returned types}}
  %0 = torsh.matmul %x, %y : (tensor<3xf32>, tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3x3xf32>, %y: tensor<4x3x3xf32>) {
  // expected-error @+2 {{torsh.matmul: leading axes do not broadcast: 'tensor<2x3x3xf32>' and 'tensor<4x3x3xf32>'}}
  // expected-error @+1 {{'torsh.matmul' op failed to infer returned types}}
  %0 = torsh.matmul %x, %y : (tensor<2x3x3xf32>, tensor<4x3x3xf32>) -> tensor<4x3x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<3x3xf32>, %y: tensor<3x3xf64>) {
  // expected-error @+2 {{torsh.matmul: operands must have one element type, got 'f32' and 'f64'}}
  // expected-error @+1 {{'torsh.matmul' op failed to infer returned types}}
  %0 = torsh.matmul %x, %y : (tensor<3x3xf32>, tensor<3x3xf64>) -> tensor<3x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<3x3xi1>) {
  // expected-error @+1 {{'torsh.matmul' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) or integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64) values, but got 'tensor<3x3xi1>'}}
  %0 = torsh.matmul %x, %x : (tensor<3x3xi1>, tensor<3x3xi1>) -> tensor<3x3xi1>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>, %w: tensor<3x4xf32>) {
  // expected-error @+2 {{torsh.linear: last extents of input and weight differ: 'tensor<2x3xf32>' and 'tensor<3x4xf32>'}}
  // expected-error @+1 {{'torsh.linear' op failed to infer returned types}}
  %0 = torsh.linear %x, %w : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<f32>, %w: tensor<3x4xf32>) {
  // expected-error @+2 {{torsh.linear: input must have rank 1 or more and weight rank 2, got 'tensor<f32>' and 'tensor<3x4xf32>'}}
  // expected-error @+1 {{'torsh.linear' op failed to infer returned types}}
  %0 = torsh.linear %x, %w : (tensor<f32>, tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>, %w: tensor<4x3xf32>, %b: tensor<3xf32>) {
  // expected-error @+2 {{torsh.linear: bias must have the shape of the weight's first axis, got 'tensor<3xf32>'}}
  // expected-error @+1 {{'torsh.linear' op failed to infer returned types}}
  %0 = torsh.linear %x, %w bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{torsh.conv: 1 groups do not fit the channels of input 'tensor<1x4x8xf32>' and weight 'tensor<6x2x3xf32>'}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>, groups = 1 : i64} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{torsh.conv: 0 groups do not fit the channels of input 'tensor<1x4x8xf32>' and weight 'tensor<6x2x3xf32>'}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>, groups = 0 : i64} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{torsh.conv: stride must have 1 entries, one per spatial axis, got 2}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 1, 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>, groups = 2 : i64} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{torsh.conv: window, stride and dilation must be positive}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 0>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>, groups = 2 : i64} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{torsh.conv: padding must not be negative}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 1>, padding_low = array<i64: -1>, padding_high = array<i64: 0>, dilation = array<i64: 1>, groups = 2 : i64} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{torsh.conv: a window that spans 19 does not fit an extent of 8 padded by 0 and 0}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 9>, groups = 2 : i64} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>) {
  // expected-error @+2 {{torsh.conv: window, stride, dilation and padding must be at most 2147483647, got 4294967296}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 4294967296>, groups = 2 : i64} : (tensor<1x4x8xf32>, tensor<6x2x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+2 {{torsh.conv: input and weight must have one rank of 3 to 5, got 'tensor<1x4xf32>' and 'tensor<6x4xf32>'}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64>, padding_low = array<i64>, padding_high = array<i64>, dilation = array<i64>} : (tensor<1x4xf32>, tensor<6x4xf32>) -> tensor<1x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x4x?xf32>) {
  // expected-error @+2 {{torsh.conv: the window's extents must be static, got 'tensor<6x4x?xf32>'}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w {stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x4x8xf32>, tensor<6x4x?xf32>) -> tensor<1x6x?xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>, %b: tensor<4xf32>) {
  // expected-error @+2 {{torsh.conv: bias must have the shape of the weight's first axis, got 'tensor<4xf32>'}}
  // expected-error @+1 {{'torsh.conv' op failed to infer returned types}}
  %0 = torsh.conv %x, %w bias(%b) {stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x4x8xf32>, tensor<6x4x3xf32>, tensor<4xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+2 {{torsh.matmul: cannot widen 'f32' to dtype 'f64', which must be a wider integer with a sign}}
  // expected-error @+1 {{'torsh.matmul' op failed to infer returned types}}
  %0 = torsh.matmul %x, %y {dtype = f64} : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf64>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xi32>, %y: tensor<3x4xi8>) {
  // expected-error @+2 {{torsh.matmul: cannot widen 'i32' to dtype 'i32', which must be a wider integer with a sign}}
  // expected-error @+1 {{'torsh.matmul' op failed to infer returned types}}
  %0 = torsh.matmul %x, %y {dtype = i32} : (tensor<2x3xi32>, tensor<3x4xi8>) -> tensor<2x4xi32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xi8>, %y: tensor<4x3xi8>, %b: tensor<4xi8>) {
  // expected-error @+2 {{torsh.linear: operands must have one element type, got 'i32' and 'i8'}}
  // expected-error @+1 {{'torsh.linear' op failed to infer returned types}}
  %0 = torsh.linear %x, %y bias(%b) {dtype = i32} : (tensor<2x3xi8>, tensor<4x3xi8>, tensor<4xi8>) -> tensor<2x4xi32>
  return
}
