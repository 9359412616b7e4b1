// RUN: not torsh-opt %s --torsh-target=metal --torsh-compile-to=msl 2>&1 | FileCheck %s
// RUN: torsh-opt %s --torsh-target=vulkan --torsh-compile-to=spirv | FileCheck %s --check-prefix=VULKAN
// RUN: not torsh-opt %s --torsh-target=metal:m1 --torsh-compile-to=msl 2>&1 | FileCheck %s --check-prefix=ARCHITECTURE

// CHECK: is on f64, which Metal does not have: f32 is the widest float there
// VULKAN: spirv.FAdd {{.*}} : f64
// ARCHITECTURE: metal takes no architecture: its code is portable
func.func @main(%x: tensor<8xf64>) -> tensor<8xf64> {
  %0 = torsh.add %x, %x : (tensor<8xf64>, tensor<8xf64>) -> tensor<8xf64>
  return %0 : tensor<8xf64>
}
