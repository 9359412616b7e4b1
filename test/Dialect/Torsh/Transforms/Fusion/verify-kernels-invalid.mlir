// RUN: torsh-opt %s -split-input-file -verify-diagnostics -torsh-verify-kernels

func.func @left_over(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'torsh.exp' op is left in the host program after the kernels phase}}
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

func.func @unresolved_extent(%x: tensor<?x2xf32>) -> (tensor<?xf32>, index) {
  %c0 = arith.constant 0 : index
  %0 = torsh.reshape %x : (tensor<?x2xf32>) -> tensor<?xf32>
  // expected-error @+1 {{'tensor.dim' op must be resolved to extents of the function's arguments}}
  %1 = tensor.dim %0, %c0 : tensor<?xf32>
  return %0, %1 : tensor<?xf32>, index
}

// -----

// expected-error @+1 {{'torsh.kernel' op is never launched}}
torsh.kernel @idle(%x: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<elementwise>} {
  torsh.return %x : tensor<8xf32>
}

// -----

// expected-error @+1 {{'torsh.kernel' op has no kind}}
torsh.kernel @no_kind(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.launch @no_kind(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

torsh.kernel @composite(%x: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<reduction>} {
  // expected-error @+1 {{'torsh.softmax' op is composite and must be decomposed before the kernels phase}}
  %0 = torsh.softmax %x {axis = 0 : i64} : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.launch @composite(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// expected-error @+1 {{kernels phase: function @blocks must have one block}}
func.func @blocks(%x: tensor<8xf32>) -> tensor<8xf32> {
  cf.br ^next
^next:
  return %x : tensor<8xf32>
}

// -----

torsh.kernel @calls(%x: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<reduction>} {
  // expected-error @+1 {{'torsh.host_call' op is not allowed in a kernel}}
  %0 = torsh.host_call "f"(%x) : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.launch @calls(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
