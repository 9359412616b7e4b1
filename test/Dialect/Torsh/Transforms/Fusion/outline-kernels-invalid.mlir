// RUN: torsh-opt %s -split-input-file -verify-diagnostics -torsh-outline-kernels

func.func @no_group(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'torsh.exp' op has no fusion group; run torsh-form-groups first}}
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

func.func @not_convex(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // expected-error @+1 {{'torsh.exp' op is in fusion group 0, which is not convex: a value leaves it and comes back}}
  %0 = torsh.exp %x {torsh.group = 0 : i64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = torsh.matmul %0, %x {torsh.group = 1 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = torsh.add %0, %1 {torsh.group = 0 : i64} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %2 : tensor<4x4xf32>
}

// -----

func.func @other_dialect(%x: tensor<8xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{'tensor.cast' op}}
  %0 = tensor.cast %x : tensor<8xf32> to tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// expected-error @+1 {{torsh-outline-kernels: an index argument of function @index_argument cannot be the size of a tensor in a kernel}}
func.func @index_argument(%n: index) -> tensor<?xf32> {
  %0 = torsh.iota sizes(%n) {axis = 0 : i64, torsh.group = 0 : i64} : tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @unknown_extent(%x: tensor<8xf32>, %i: index) -> index {
  // expected-error @+1 {{'tensor.dim' op asks for an extent that is not known from those of the arguments}}
  %0 = tensor.dim %x, %i : tensor<8xf32>
  return %0 : index
}
