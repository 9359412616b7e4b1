// The loops of a product and of an elementwise kernel are vector instructions.
// REQUIRES: host-avx2-fma
// RUN: torsh-opt %s --torsh-compile-to=llvmir | FileCheck %s --check-prefix=LLVMIR
// RUN: torsh-opt %s --torsh-compile-to=assembly | FileCheck %s --check-prefix=ASSEMBLY

// LLVMIR-LABEL: define {{.*}}torsh_kernel_matmul_add_relu
// LLVMIR: call {{.*}}<{{[0-9]+}} x float> @llvm.fm{{a|uladd}}.v{{[0-9]+}}f32
// ASSEMBLY: vfmadd{{[0-9]+}}ps {{.*}}%{{[yz]}}mm
func.func @main(%x: tensor<256x128xf32>, %w: tensor<128x256xf32>, %b: tensor<256xf32>) -> tensor<256x256xf32> {
  %0 = torsh.matmul %x, %w : (tensor<256x128xf32>, tensor<128x256xf32>) -> tensor<256x256xf32>
  %1 = torsh.add %0, %b : (tensor<256x256xf32>, tensor<256xf32>) -> tensor<256x256xf32>
  %2 = torsh.relu %1 : (tensor<256x256xf32>) -> tensor<256x256xf32>
  return %2 : tensor<256x256xf32>
}
