// An exponential is computed for whole vectors, without a call for each element.
// REQUIRES: host-avx2-fma
// RUN: torsh-opt %s --torsh-compile-to=llvmir | FileCheck %s --check-prefix=LLVMIR
// RUN: torsh-opt %s --torsh-compile-to=assembly | FileCheck %s --check-prefix=ASSEMBLY

// LLVMIR-NOT: call {{.*}}@expf
// LLVMIR: load <{{8|16}} x float>
// LLVMIR-NOT: call {{.*}}@expf
// ASSEMBLY: vfmadd{{[0-9]+}}ps {{.*}}%{{[yz]}}mm
func.func @main(%x: tensor<1024xf32>) -> tensor<1024xf32> {
  %0 = torsh.exp %x : (tensor<1024xf32>) -> tensor<1024xf32>
  return %0 : tensor<1024xf32>
}
