// RUN: torsh-opt %s --torsh-target=cuda --torsh-compile-to=device | FileCheck %s --check-prefix=DEVICE
// RUN: torsh-opt %s --torsh-target=cuda --torsh-compile-to=ptx | FileCheck %s --check-prefix=PTX

// Two tiles of the depth are on their way while one is multiplied; every thread waits
// for its own copies, and the barrier for those of the others.
// DEVICE: gpu.func @torsh_kernel_matmul_vector8
// DEVICE: torsh.async_copy
// DEVICE: nvvm.cp.async.commit.group
// DEVICE: nvvm.cp.async.commit.group
// DEVICE: scf.for
// DEVICE: nvvm.cp.async.wait.group 2
// DEVICE: gpu.barrier
// DEVICE: scf.if
// DEVICE: nvvm.cp.async.commit.group
// The left operand lies along the depth; the right one does not, and is read transposed.
// DEVICE: nvgpu.ldmatrix %{{.*}} {numTiles = 4 : i32, transpose = false}
// DEVICE: nvgpu.ldmatrix %{{.*}} {numTiles = 4 : i32, transpose = true}
// DEVICE: nvvm.mma.sync
// DEVICE: gpu.barrier

// Where operands are not aligned nothing is copied in the background.
// DEVICE: gpu.func @torsh_kernel_matmul(
// DEVICE-NOT: cp.async
// DEVICE: nvvm.mma.sync

// PTX: .visible .entry torsh_kernel_matmul_vector8
// PTX: cp.async.cg.shared.global
// PTX: cp.async.commit_group
// PTX: cp.async.wait_group 2
// PTX: .visible .entry torsh_kernel_matmul(
func.func @main(%x: tensor<128x256xf16>, %w: tensor<256x64xf16>) -> tensor<128x64xf16> {
  %0 = torsh.matmul %x, %w : (tensor<128x256xf16>, tensor<256x64xf16>) -> tensor<128x64xf16>
  return %0 : tensor<128x64xf16>
}
