// RUN: torsh-opt %s --torsh-target=cpu:x86-64 --torsh-compile-to=assembly | FileCheck %s --check-prefix=SSE
// RUN: torsh-opt %s --torsh-target=cpu:x86-64-v3 --torsh-compile-to=assembly | FileCheck %s --check-prefix=AVX2
// RUN: torsh-opt %s --torsh-target=cpu:x86-64-v4 --torsh-compile-to=assembly | FileCheck %s --check-prefix=AVX512
// RUN: torsh-opt %s --torsh-target=cpu:aarch64 --torsh-compile-to=assembly | FileCheck %s --check-prefix=NEON
// RUN: not torsh-opt %s --torsh-target=cpu:abacus --torsh-compile-to=assembly 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// The register tile of a product is made of the vectors that the named processor has, whatever the
// machine that compiles.

// SSE-NOT: {{ymm|zmm}}
// SSE: mulps {{.*}}xmm
// SSE-NOT: {{ymm|zmm}}

// AVX2-NOT: zmm
// AVX2: vfmadd231ps {{.*}}ymm
// AVX2-NOT: zmm

// AVX512: vfmadd231ps {{.*}}zmm

// NEON: fmla v{{[0-9]+}}.4s

// UNKNOWN: LLVM knows no processor 'abacus'; it knows x86-64, x86-64-v3, x86-64-v4, aarch64

func.func @main(%x: tensor<96x64xf32>, %w: tensor<64x128xf32>) -> tensor<96x128xf32> {
  %0 = torsh.matmul %x, %w : (tensor<96x64xf32>, tensor<64x128xf32>) -> tensor<96x128xf32>
  return %0 : tensor<96x128xf32>
}
