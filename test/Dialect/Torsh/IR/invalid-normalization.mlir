// RUN: torsh-opt %s --split-input-file --verify-diagnostics

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'torsh.softmax' op axis 2 is out of range for 'tensor<2x3xf32>'}}
  %0 = torsh.softmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{'torsh.log_softmax' op axis 2 is out of range for 'tensor<2x3xf32>'}}
  %0 = torsh.log_softmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{'torsh.softmax' op inferred type(s) 'tensor<2x3xf32>' are incompatible with return type(s) of operation 'tensor<3x2xf32>'}}
  // expected-error @+1 {{'torsh.softmax' op failed to infer returned types}}
  %0 = torsh.softmax %x {axis = 0 : i64} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{torsh.layer_norm: num_axes 3 is out of range for 'tensor<2x3xf32>'}}
  // expected-error @+1 {{'torsh.layer_norm' op failed to infer returned types}}
  %0 = torsh.layer_norm %x {num_axes = 3 : i64, eps = 1.0e-5 : f64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>, %w: tensor<2xf32>) {
  // expected-error @+2 {{torsh.layer_norm: weight must have the element type and the last 1 extents of 'tensor<2x3xf32>', got 'tensor<2xf32>'}}
  // expected-error @+1 {{'torsh.layer_norm' op failed to infer returned types}}
  %0 = torsh.layer_norm %x weight(%w) {num_axes = 1 : i64, eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>, %w: tensor<3xf16>) {
  // expected-error @+2 {{torsh.layer_norm: bias must have the element type and the last 1 extents of 'tensor<2x3xf32>', got 'tensor<3xf16>'}}
  // expected-error @+1 {{'torsh.layer_norm' op failed to infer returned types}}
  %0 = torsh.layer_norm %x bias(%w) {num_axes = 1 : i64, eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<3xf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x?xf32>, %w: tensor<3xf32>) {
  // expected-error @+2 {{'torsh.layer_norm' op inferred type(s) 'tensor<2x3xf32>' are incompatible with return type(s) of operation 'tensor<2x?xf32>'}}
  // expected-error @+1 {{'torsh.layer_norm' op failed to infer returned types}}
  %0 = torsh.layer_norm %x bias(%w) {num_axes = 1 : i64, eps = 1.0e-5 : f64} : (tensor<2x?xf32>, tensor<3xf32>) -> tensor<2x?xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2xf32>) {
  // expected-error @+2 {{torsh.batch_norm: input must have rank 2 or more, got 'tensor<2xf32>'}}
  // expected-error @+1 {{'torsh.batch_norm' op failed to infer returned types}}
  %0 = torsh.batch_norm %x, %x, %x {eps = 1.0e-5 : f64} : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x3xf32>, %m: tensor<3xf32>, %v: tensor<2xf32>) {
  // expected-error @+2 {{torsh.batch_norm: variance must have the element type and the extent of axis 1 of 'tensor<2x3xf32>', got 'tensor<2xf32>'}}
  // expected-error @+1 {{'torsh.batch_norm' op failed to infer returned types}}
  %0 = torsh.batch_norm %x, %m, %v {eps = 1.0e-5 : f64} : (tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @invalid(%x: tensor<2x?xf32>, %m: tensor<3xf32>, %v: tensor<2xf32>) {
  // expected-error @+2 {{torsh.batch_norm: variance must have the element type and the extent of axis 1 of 'tensor<2x?xf32>', got 'tensor<2xf32>'}}
  // expected-error @+1 {{'torsh.batch_norm' op failed to infer returned types}}
  %0 = torsh.batch_norm %x, %m, %v {eps = 1.0e-5 : f64} : (tensor<2x?xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}
