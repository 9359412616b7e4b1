// RUN: torsh-opt %s -split-input-file -verify-diagnostics

func.func @assert(%ok: tensor<2xi1>) {
  // expected-error @+1 {{'torsh.assert' op operand #0 must be 0D tensor of 1-bit signless integer values}}
  torsh.assert %ok, "no" : tensor<2xi1>
  return
}

// -----

func.func @sizes(%x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{'torsh.host_call' op needs one size per '?' of its results}}
  %0 = torsh.host_call "f"(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @no_name(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'torsh.host_call' op needs the name of a function}}
  %0 = torsh.host_call ""(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
