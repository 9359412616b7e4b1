// A function for which there is no instruction is never left for the driver to miss.
// RUN: not env TORSHJIT_LIBDEVICE=%t.missing torsh-opt %s --torsh-target=cuda --torsh-compile-to=ptx 2>&1 | FileCheck %s
// CHECK: there is no instruction for atan2 of f32: it is computed by libdevice, which was not found; install the Python package nvidia-nvvm, or name the file in TORSHJIT_LIBDEVICE
// RUN: not env TORSHJIT_LIBDEVICE=%s torsh-opt %s --torsh-target=cuda --torsh-compile-to=ptx 2>&1 | FileCheck %s --check-prefix=BROKEN
// BROKEN: cannot read libdevice at
func.func @main(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.atan2 %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
