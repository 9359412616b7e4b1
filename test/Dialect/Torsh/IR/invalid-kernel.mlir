// RUN: torsh-opt %s --split-input-file --verify-diagnostics

torsh.kernel @k(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
// expected-error @+1 {{'torsh.return' op operand types do not match the results of kernel @k}}
  torsh.return
}

// -----

// expected-error @+1 {{'torsh.kernel' op region #0 ('body') failed to verify constraint: region with 1 blocks}}
torsh.kernel @k(%x: tensor<8xf32>) -> tensor<8xf32>

// -----

// expected-error @+1 {{'torsh.kernel' op region #0 ('body') failed to verify constraint: region with 1 blocks}}
torsh.kernel @k(%x: tensor<8xf32>) -> tensor<8xf32> {
  torsh.return %x : tensor<8xf32>
^next:
  torsh.return %x : tensor<8xf32>
}

// -----

func.func @f(%x: tensor<8xf32>) -> tensor<8xf32> {
// expected-error @+1 {{'torsh.return' op expects parent op 'torsh.kernel'}}
  torsh.return %x : tensor<8xf32>
}

// -----

func.func @f(%x: tensor<8xf32>) {
// expected-error @+1 {{'torsh.launch' op launches @nowhere, which does not exist}}
  %0 = torsh.launch @nowhere(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

torsh.kernel @k(%x: tensor<8xf32>) -> tensor<8xf32> {
  torsh.return %x : tensor<8xf32>
}
func.func @f(%x: tensor<4xf32>) {
// expected-error @+1 {{'torsh.launch' op types do not match kernel @k}}
  %0 = torsh.launch @k(%x) : (tensor<4xf32>) -> tensor<8xf32>
  return
}

// -----

torsh.kernel @k(%x: tensor<?xf32>) -> tensor<?xf32> {
  torsh.return %x : tensor<?xf32>
}
func.func @f(%x: tensor<?xf32>) {
// expected-error @+1 {{'torsh.launch' op needs one size per '?' of its results: 1, got 0}}
  %0 = torsh.launch @k(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @f(%n: index) {
// expected-error @+1 {{'torsh.check' op expected 2 operands, but found 1}}
  "torsh.check"(%n) {message = "extents differ", relation = #torsh<compare eq>} : (index) -> ()
  return
}

// -----

// expected-error @+1 {{expected '['}}
torsh.kernel @k(%x: tensor<8xf32>) -> tensor<8xf32> attributes {schedule = #torsh.schedule<tile = 3>} {
  torsh.return %x : tensor<8xf32>
}
