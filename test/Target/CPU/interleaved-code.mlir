// RUN: torsh-opt %s --torsh-compile-to=llvmir --torsh-target=cpu:znver4 | FileCheck %s

// The mark of a loop of long chains reaches LLVM's vectoriser: four vectors side by side.
// CHECK-LABEL: vector.body:
// CHECK-COUNT-4: load <16 x float>
// CHECK-COUNT-4: store <16 x float>
func.func @main(%x: tensor<256xf32>) -> tensor<256xf32> {
  %0 = torsh.tanh %x : (tensor<256xf32>) -> tensor<256xf32>
  %1 = torsh.add %0, %x : (tensor<256xf32>, tensor<256xf32>) -> tensor<256xf32>
  %2 = torsh.tanh %1 : (tensor<256xf32>) -> tensor<256xf32>
  return %2 : tensor<256xf32>
}
