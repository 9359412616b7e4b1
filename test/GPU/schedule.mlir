// A schedule that is there is followed; the numbers are data.
// RUN: torsh-opt %s --torsh-compile-to=linalg -o %t.mlir
// RUN: sed 's/torsh.kernel,/torsh.kernel, torsh.schedule = #torsh.schedule<threads = 64, lanes = 16>,/' %t.mlir | torsh-opt --pass-pipeline='builtin.module(func.func(torsh-gpu-select-schedules{subgroup-size=32}),torsh-lower-kernels-to-gpu{subgroup-size=32})' | FileCheck %s
// RUN: not torsh-opt %t.mlir --torsh-lower-kernels-to-gpu 2>&1 | FileCheck %s --check-prefix=NONE

// One that no correct kernel can follow is refused.
// RUN: sed 's/torsh.kernel,/torsh.kernel, torsh.schedule = #torsh.schedule<threads = 64, lanes = 24>,/' %t.mlir | not torsh-opt --torsh-lower-kernels-to-gpu 2>&1 | FileCheck %s --check-prefix=LANES
// LANES: error: cannot follow #torsh.schedule<threads = 64, lanes = 24>: the lanes are no power of two that divides the threads
// RUN: sed 's/torsh.kernel,/torsh.kernel, torsh.schedule = #torsh.schedule<threads = 512>,/' %t.mlir | not torsh-opt --torsh-lower-kernels-to-gpu 2>&1 | FileCheck %s --check-prefix=THREADS
// THREADS: error: {{.*}}: a block has 1 to 256 threads
// RUN: sed 's/torsh.kernel,/torsh.kernel, torsh.schedule = #torsh.schedule<threads = 256, lanes = 256>,/' %t.mlir | not torsh-opt --torsh-lower-kernels-to-gpu=workgroup-bytes=512 2>&1 | FileCheck %s --check-prefix=MEMORY
// MEMORY: error: its schedule needs 1024 bytes of workgroup memory, the device has 512

// NONE: error: the kernel has no schedule for blocks of threads

// CHECK: known_block_size = array<i32: 64, 1, 1>
// CHECK-SAME: torsh.grid = [array<i64: 4, 30>]
// CHECK-SAME: #torsh.schedule<threads = 64, lanes = 16>
// CHECK-COUNT-4: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
func.func @main(%x: tensor<30x200xf32>) -> tensor<30xf32> {
  %0 = torsh.sum %x {axes = array<i64: 1>, keepdims = false} : (tensor<30x200xf32>) -> tensor<30xf32>
  return %0 : tensor<30xf32>
}
