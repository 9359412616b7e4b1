// RUN: torsh-opt %s -torsh-merge-equal-kernels | FileCheck %s

// Which operand comes first, the kind and the schedule tell kernels apart.
// CHECK: torsh.kernel @a(
// CHECK: torsh.kernel @swapped(
// CHECK: torsh.kernel @scheduled(
// CHECK: torsh.kernel @other_kind(
// CHECK-NOT: torsh.kernel
// CHECK: torsh.launch @a
// CHECK: torsh.launch @swapped
// CHECK: torsh.launch @scheduled
// CHECK: torsh.launch @other_kind
// CHECK: torsh.launch @a
torsh.kernel @a(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<elementwise>} {
  %0 = torsh.sub %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
torsh.kernel @swapped(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<elementwise>} {
  %0 = torsh.sub %y, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
torsh.kernel @scheduled(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<elementwise>, schedule = #torsh.schedule<tile = [8], grain = 1, register_tile = [], block = []>} {
  %0 = torsh.sub %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
torsh.kernel @other_kind(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<movement>} {
  %0 = torsh.sub %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
torsh.kernel @equal(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<elementwise>} {
  %0 = torsh.sub %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.launch @a(%x, %y) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.launch @swapped(%x, %0) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.launch @scheduled(%x, %1) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = torsh.launch @other_kind(%x, %2) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = torsh.launch @equal(%x, %3) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %4 : tensor<8xf32>
}
