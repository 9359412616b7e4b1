// RUN: torsh-opt %s --split-input-file --torsh-eliminate-dead-code | FileCheck %s

// CHECK-LABEL: func.func @unused
// CHECK-NOT: torsh.constant
// CHECK-NOT: torsh.exp
// CHECK: %[[ADD:.*]] = torsh.add
// CHECK-NEXT: return %[[ADD]]
func.func @unused(%x: tensor<8xf32>) -> tensor<8xf32> {
  %c = torsh.constant dense<2.0> : tensor<8xf32>
  %0 = torsh.mul %x, %c : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.exp %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.add %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// A chain of users goes in one sweep, control flow with it.
// CHECK-LABEL: func.func @control_flow
// CHECK-NEXT: return %arg0
func.func @control_flow(%x: tensor<?xf32>, %p: i1) -> tensor<?xf32> {
  %0 = torsh.neg %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = scf.if %p -> tensor<?xf32> {
    %2 = torsh.exp %0 : (tensor<?xf32>) -> tensor<?xf32>
    scf.yield %2 : tensor<?xf32>
  } else {
    scf.yield %0 : tensor<?xf32>
  }
  %3 = torsh.add %1, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %x : tensor<?xf32>
}

// -----

// A check has an effect, and so has a call of who knows what.
// CHECK-LABEL: func.func @effects
// CHECK: torsh.check
// CHECK: call @outside
func.func private @outside(tensor<8xf32>) -> tensor<8xf32>
func.func @effects(%x: tensor<8xf32>, %n: index, %m: index) {
  torsh.check eq, %n, %m, "extents differ"
  %0 = call @outside(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// Private symbols that only each other, or dead launches, name.
// CHECK-NOT: @ping
// CHECK-NOT: @pong
// CHECK-NOT: @dead_kernel
// CHECK: func.func private @used
// CHECK: torsh.kernel private @live_kernel
// CHECK: torsh.kernel @public_kernel
// CHECK: func.func @main
func.func private @ping(%x: tensor<8xf32>) {
  call @pong(%x) : (tensor<8xf32>) -> ()
  return
}
func.func private @pong(%x: tensor<8xf32>) {
  call @ping(%x) : (tensor<8xf32>) -> ()
  return
}
func.func private @used(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.launch @live_kernel(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
torsh.kernel private @live_kernel(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
torsh.kernel private @dead_kernel(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.neg %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
torsh.kernel @public_kernel(%x: tensor<8xf32>) -> tensor<8xf32> {
  torsh.return %x : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.launch @dead_kernel(%x) : (tensor<8xf32>) -> tensor<8xf32>
  %1 = call @used(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}
