// RUN: torsh-opt %s --torsh-compile-to=linalg -o %t.mlir
// RUN: sed 's/torsh.kernel,/torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [3, 2], block = [12, 16, 5], threads = 32>,/' %t.mlir | torsh-opt --torsh-lower-kernels-to-gpu | FileCheck %s
// RUN: sed 's/torsh.kernel,/torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 4], block = [64, 64, 16], threads = 128>,/' %t.mlir | not torsh-opt --torsh-lower-kernels-to-gpu 2>&1 | FileCheck %s --check-prefix=TILE
// RUN: sed 's/torsh.kernel,/torsh.kernel, torsh.schedule = #torsh.schedule<threads = 128>,/' %t.mlir | not torsh-opt --torsh-lower-kernels-to-gpu 2>&1 | FileCheck %s --check-prefix=BLOCK

// TILE: error: {{.*}}: the register tiles of the threads do not make up the block
// BLOCK: error: {{.*}}: a product of matrices needs a block of (rows, columns, depth)

// No size has to be a power of two.
// CHECK: known_block_size = array<i32: 32, 1, 1>
// CHECK-SAME: torsh.grid = [array<i64: 1>, array<i64: 12, 50>, array<i64: 16, 40>]
func.func @main(%x: tensor<50x30xf32>, %y: tensor<30x40xf32>) -> tensor<50x40xf32> {
  %0 = torsh.matmul %x, %y : (tensor<50x30xf32>, tensor<30x40xf32>) -> tensor<50x40xf32>
  return %0 : tensor<50x40xf32>
}
