// RUN: torsh-opt %s --torsh-target=metal --torsh-compile-to=msl | FileCheck %s

// CHECK: // torsh_kernel_[[NAME:.+]]
// CHECK: #include <metal_stdlib>
// CHECK: kernel void torsh_kernel_[[NAME]](const device {{.*}} {{\[\[}}buffer(0){{\]\]}}, device {{.*}} {{\[\[}}buffer(1){{\]\]}}, const device {{.*}} {{\[\[}}buffer(2){{\]\]}}
// Helpers that forbid the compiler to optimise are not for Metal.
// CHECK-NOT: optnone
func.func @main(%x: tensor<?x37xf32>) -> tensor<?x37xf32> {
  %0 = torsh.exp %x : (tensor<?x37xf32>) -> tensor<?x37xf32>
  %1 = torsh.tanh %0 : (tensor<?x37xf32>) -> tensor<?x37xf32>
  return %1 : tensor<?x37xf32>
}
