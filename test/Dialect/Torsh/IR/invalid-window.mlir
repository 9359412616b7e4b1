// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.max_pool: window must have 1 entries, one per spatial axis, got 2}}
  // expected-error @+1 {{'torsh.max_pool' op failed to infer returned types}}
  %0 = torsh.max_pool %x {window = array<i64: 2, 2>, stride = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.max_pool: window, stride and dilation must be positive}}
  // expected-error @+1 {{'torsh.max_pool' op failed to infer returned types}}
  %0 = torsh.max_pool %x {window = array<i64: 0>, stride = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.max_pool: window, stride and dilation must be positive}}
  // expected-error @+1 {{'torsh.max_pool' op failed to infer returned types}}
  %0 = torsh.max_pool %x {window = array<i64: 2>, stride = array<i64: 0>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.max_pool: padding must not be negative}}
  // expected-error @+1 {{'torsh.max_pool' op failed to infer returned types}}
  %0 = torsh.max_pool %x {window = array<i64: 2>, stride = array<i64: 2>, padding_low = array<i64: -1>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.max_pool: padding must be smaller than the window, which spans 2}}
  // expected-error @+1 {{'torsh.max_pool' op failed to infer returned types}}
  %0 = torsh.max_pool %x {window = array<i64: 2>, stride = array<i64: 2>, padding_low = array<i64: 2>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.max_pool: a window that spans 9 does not fit an extent of 8 padded by 0 and 0}}
  // expected-error @+1 {{'torsh.max_pool' op failed to infer returned types}}
  %0 = torsh.max_pool %x {window = array<i64: 9>, stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.avg_pool: window must have 1 entries, one per spatial axis, got 2}}
  // expected-error @+1 {{'torsh.avg_pool' op failed to infer returned types}}
  %0 = torsh.avg_pool %x {window = array<i64: 2, 2>, stride = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.avg_pool: padding must be smaller than the window, which spans 2}}
  // expected-error @+1 {{'torsh.avg_pool' op failed to infer returned types}}
  %0 = torsh.avg_pool %x {window = array<i64: 2>, stride = array<i64: 2>, padding_low = array<i64: 3>, padding_high = array<i64: 0>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xf32>) {
  // expected-error @+2 {{torsh.avg_pool: a window that spans 10 does not fit an extent of 8 padded by 0 and 0}}
  // expected-error @+1 {{'torsh.avg_pool' op failed to infer returned types}}
  %0 = torsh.avg_pool %x {window = array<i64: 10>, stride = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>} : (tensor<1x2x8xf32>) -> tensor<1x2x4xf32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2xf32>) {
  // expected-error @+2 {{torsh.max_pool: needs one to three spatial axes, got 0}}
  // expected-error @+1 {{'torsh.max_pool' op failed to infer returned types}}
  %0 = torsh.max_pool %x {window = array<i64>, stride = array<i64>, padding_low = array<i64>, padding_high = array<i64>, dilation = array<i64>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<f32>) {
  // expected-error @+2 {{torsh.avg_pool: needs one to three spatial axes, got -2}}
  // expected-error @+1 {{'torsh.avg_pool' op failed to infer returned types}}
  %0 = torsh.avg_pool %x {window = array<i64>, stride = array<i64>, padding_low = array<i64>, padding_high = array<i64>} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @invalid(%x: tensor<1x2x8xi32>) {
  // expected-error @+1 {{'torsh.avg_pool' op operand #0 must be ranked tensor of float (f16, bf16, f32, f64) values, but got 'tensor<1x2x8xi32>'}}
  %0 = torsh.avg_pool %x {window = array<i64: 2>, stride = array<i64: 2>, padding_low = array<i64: 0>, padding_high = array<i64: 0>} : (tensor<1x2x8xi32>) -> tensor<1x2x4xi32>
  return
}
