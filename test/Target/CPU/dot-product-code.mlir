// RUN: torsh-opt %s --torsh-target=cpu:znver4 --torsh-compile-to=assembly | FileCheck %s
// RUN: torsh-opt %s --torsh-target=cpu:alderlake --torsh-compile-to=assembly | FileCheck %s --check-prefix=YMM
// RUN: torsh-opt %s --torsh-target=cpu:x86-64-v3 --torsh-compile-to=assembly | FileCheck %s --check-prefix=PLAIN

// Dot products of pairs of bf16 and of four bytes, where the processor has them.
// CHECK-DAG: vdpbf16ps {{.*}}%zmm
// CHECK-DAG: vpdpbusd {{.*}}%zmm
// YMM-NOT: vdpbf16ps
// YMM-NOT: zmm
// YMM: vpdpbusd {{.*}}%ymm
// PLAIN-NOT: vdpbf16ps
// PLAIN-NOT: vpdpbusd
func.func @main(%x: tensor<40x64xbf16>, %y: tensor<64x48xbf16>, %i: tensor<40x64xi8>, %j: tensor<64x48xi8>) -> (tensor<40x48xbf16>, tensor<40x48xi32>) {
  %0 = torsh.matmul %x, %y : (tensor<40x64xbf16>, tensor<64x48xbf16>) -> tensor<40x48xbf16>
  %1 = torsh.matmul %i, %j {dtype = i32} : (tensor<40x64xi8>, tensor<64x48xi8>) -> tensor<40x48xi32>
  return %0, %1 : tensor<40x48xbf16>, tensor<40x48xi32>
}
