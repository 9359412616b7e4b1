// RUN: torsh-opt %s --torsh-target=cpu:znver4 --torsh-compile-to=assembly | FileCheck %s
// RUN: torsh-opt %s --torsh-target=cpu:alderlake --torsh-compile-to=assembly | FileCheck %s --check-prefix=YMM
// RUN: torsh-opt %s --torsh-target=cpu:x86-64-v4 --torsh-compile-to=assembly | FileCheck %s --check-prefix=AVX512
// RUN: torsh-opt %s --torsh-target=cpu:x86-64-v3 --torsh-compile-to=assembly | FileCheck %s --check-prefix=AVX2
// RUN: torsh-opt %s --torsh-target=cpu:x86-64-v2 --torsh-compile-to=assembly | FileCheck %s --check-prefix=SSE
// RUN: torsh-opt %s --torsh-target=cpu:neoverse-v1 --torsh-compile-to=assembly | FileCheck %s --check-prefix=I8MM
// RUN: torsh-opt %s --torsh-target=cpu:neoverse-n1 --torsh-compile-to=assembly | FileCheck %s --check-prefix=DOTPROD
// RUN: torsh-opt %s --torsh-target=cpu:aarch64 --torsh-compile-to=assembly | FileCheck %s --check-prefix=NEON

// Dot products of pairs of bf16 and of bytes of either sign, by the instructions that the
// processor has: one for four bytes where there is one, else one for pairs of bytes that were
// widened. A tile of as many rows and columns as there are registers has a dozen of them.
// CHECK-DAG: vdpbf16ps {{.*}}%zmm
// CHECK-DAG: vpdpbusd {{.*}}%zmm
// YMM-NOT: {{vdpbf16ps|vpmulld|vpmaddwd|zmm}}
// YMM: vpdpbusd {{.*}}%ymm
// YMM-NOT: {{vdpbf16ps|vpmulld|vpmaddwd|zmm}}
// AVX512-NOT: {{vdpbf16ps|vpdpbusd|vpmulld}}
// AVX512: vpmaddwd {{.*}}%zmm
// AVX512-NOT: {{vdpbf16ps|vpdpbusd|vpmulld}}
// AVX2-NOT: {{vdpbf16ps|vpdpbusd|vpmulld|vpmaddubsw|zmm}}
// AVX2-COUNT-48: vpmaddwd {{.*}}%ymm
// AVX2-NOT: {{vdpbf16ps|vpdpbusd|vpmulld|vpmaddubsw|zmm}}
// SSE-NOT: {{pmulld|pmaddubsw|ymm}}
// SSE-COUNT-48: pmaddwd {{.*}}%xmm
// SSE-NOT: {{pmulld|pmaddubsw|ymm}}
// I8MM-DAG: bfdot v{{[0-9]+}}.4s
// I8MM-DAG: sdot v{{[0-9]+}}.4s
// I8MM-DAG: udot v{{[0-9]+}}.4s
// I8MM-DAG: usdot v{{[0-9]+}}.4s
// DOTPROD-NOT: {{bfdot|usdot|smlal}}
// DOTPROD: {{[[:space:]][su]}}dot v{{[0-9]+}}.4s
// DOTPROD-NOT: {{bfdot|usdot|smlal}}
// NEON-NOT: dot v
// NEON: mla v{{[0-9]+}}.4s
// NEON-NOT: dot v
func.func @main(%x: tensor<40x64xbf16>, %y: tensor<64x48xbf16>, %i: tensor<40x64xi8>, %j: tensor<64x48xi8>, %u: tensor<40x64xui8>, %v: tensor<64x48xui8>) -> (tensor<40x48xbf16>, tensor<40x48xi32>, tensor<40x48xi32>, tensor<40x48xi32>, tensor<40x48xi32>) {
  %0 = torsh.matmul %x, %y : (tensor<40x64xbf16>, tensor<64x48xbf16>) -> tensor<40x48xbf16>
  %1 = torsh.matmul %i, %j {dtype = i32} : (tensor<40x64xi8>, tensor<64x48xi8>) -> tensor<40x48xi32>
  %2 = torsh.matmul %u, %j {dtype = i32} : (tensor<40x64xui8>, tensor<64x48xi8>) -> tensor<40x48xi32>
  %3 = torsh.matmul %i, %v {dtype = i32} : (tensor<40x64xi8>, tensor<64x48xui8>) -> tensor<40x48xi32>
  %4 = torsh.matmul %u, %v {dtype = i32} : (tensor<40x64xui8>, tensor<64x48xui8>) -> tensor<40x48xi32>
  return %0, %1, %2, %3, %4 : tensor<40x48xbf16>, tensor<40x48xi32>, tensor<40x48xi32>, tensor<40x48xi32>, tensor<40x48xi32>
}
