// torsh-run times kernels from a program, and from what each phase up to loops leaves.
// RUN: torsh-run %s --repeat=2 | FileCheck %s
// RUN: torsh-opt %s --torsh-compile-to=kernels | torsh-run --repeat=2 | FileCheck %s
// RUN: torsh-opt %s --torsh-compile-to=linalg | torsh-run --repeat=2 | FileCheck %s
// RUN: torsh-opt %s --torsh-compile-to=loops | torsh-run --repeat=2 --kernel=matmul_relu --shapes=3x512 | FileCheck %s --check-prefix=LOOPS
// RUN: torsh-run %s --repeat=2 --threads=2 --json | FileCheck %s --check-prefix=JSON
// RUN: torsh-opt %s --torsh-compile-to=kernels \
// RUN:   | torsh-run --kernel=matmul_relu --repeat=2 --schedule='#torsh.schedule<tile = [2, 0], register_tile = [4, 16], block = [64, 64, 128]>' \
// RUN:   | FileCheck %s --check-prefix=SCHEDULE

// What is asked for and cannot be done is said.
// RUN: not torsh-run %s --kernel=none 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not torsh-run %s --schedule=fast 2>&1 | FileCheck %s --check-prefix=BAD-SCHEDULE
// RUN: torsh-opt %s --torsh-compile-to=loops | not torsh-run --schedule='#torsh.schedule<tile = [2]>' 2>&1 | FileCheck %s --check-prefix=LATE
// RUN: not torsh-run %s --shapes=3x 2>&1 | FileCheck %s --check-prefix=BAD-SHAPES
// RUN: not torsh-run %s --kernel=matmul_relu --shapes=4x512 2>&1 | FileCheck %s --check-prefix=OTHER-SHAPE
// RUN: not torsh-run %s --kernel=matmul_relu --shapes=,,,,, 2>&1 | FileCheck %s --check-prefix=MANY-SHAPES
// RUN: not torsh-run %s --threads=0 2>&1 | FileCheck %s --check-prefix=THREADS
// RUN: sed -e 's/3x/?x/g' %s | not torsh-run 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: sed -e 's/3x/?x/g' %s | torsh-run --repeat=2 --kernel=matmul_relu --shapes=5x512,,5x256 | FileCheck %s --check-prefix=DYNAMIC

// CHECK: matmul_relu: {{.*}} us at best, {{.*}} us in the middle of 2; 533504 bytes of operands, {{.*}} GB/s
// CHECK-NEXT: #torsh.schedule<
// CHECK: cast_sum: 
// LOOPS: matmul_relu: {{.*}}; 533504 bytes of operands
// JSON: {"kernel":"matmul_relu",{{.*}}"min_us":{{.*}}"operand_bytes":533504,"schedule":"#torsh.schedule<{{.*}}","threads":2}
// SCHEDULE: matmul_relu
// SCHEDULE-NEXT: tile = [2, 0], register_tile = [4, 16], block = [64, 64, 128]
// SCHEDULE-NOT: cast_sum
// NONE: error: there is no kernel 'none'
// BAD-SCHEDULE: error: --schedule: not a #torsh.schedule<...>
// LATE: error: --schedule: the loops are made already; give what linalg left
// BAD-SHAPES: error: --shapes: not extents joined by 'x'
// OTHER-SHAPE: error: the shape that --shapes gives operand #0 of kernel 'matmul_relu' is no 'memref<3x512xf32>'
// MANY-SHAPES: error: --shapes has 6 entries, and kernel 'matmul_relu' has 3 operands
// THREADS: error: --threads is from 1 to 1024
// UNKNOWN: error: operand #0 of kernel 'matmul_relu' is 'memref<?x512xf32>': say its extents with --shapes
// DYNAMIC: matmul_relu: {{.*}}; 539648 bytes of operands
func.func @main(%x: tensor<3x512xf32>, %w: tensor<512x256xf32>) -> (tensor<3x256xf32>, tensor<3xi64>) {
  %0 = torsh.matmul %x, %w : (tensor<3x512xf32>, tensor<512x256xf32>) -> tensor<3x256xf32>
  %1 = torsh.relu %0 : (tensor<3x256xf32>) -> tensor<3x256xf32>
  %2 = torsh.cast %1 to i64 : (tensor<3x256xf32>) -> tensor<3x256xi64>
  %3 = torsh.sum %2 {axes = array<i64: 1>} : (tensor<3x256xi64>) -> tensor<3xi64>
  return %1, %3 : tensor<3x256xf32>, tensor<3xi64>
}
