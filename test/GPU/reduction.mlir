// RUN: torsh-opt %s --torsh-compile-to=linalg -o %t.mlir
// RUN: torsh-opt %t.mlir --pass-pipeline='builtin.module(func.func(torsh-gpu-select-schedules{subgroup-size=32}),torsh-lower-kernels-to-gpu{subgroup-size=32},canonicalize,cse)' | FileCheck %s
// RUN: torsh-opt %t.mlir --pass-pipeline='builtin.module(func.func(torsh-gpu-select-schedules),torsh-lower-kernels-to-gpu,canonicalize,cse)' | FileCheck %s --check-prefix=TREE

// A subgroup for each row: both reductions by shuffles, no workgroup memory, no
// barrier. The row is unrolled, so that it can stay in registers: three elements a lane.
// CHECK-LABEL: gpu.module @amax_sub_exp_sum_div_kernel
// CHECK: gpu.func
// CHECK-NOT: workgroup(
// CHECK-SAME: torsh.class = "row_reduction"
// CHECK-SAME: torsh.grid = [array<i64: 8, 100>]
// CHECK-SAME: lanes = 32
// CHECK-NOT: gpu.barrier
// CHECK-COUNT-10: gpu.shuffle xor
// CHECK-NOT: gpu.shuffle
// CHECK-COUNT-3: memref.store
// CHECK-NOT: memref.store

// A block for each row: subgroups first, then what they found through memory.
// CHECK-LABEL: gpu.module @sum_kernel
// CHECK: workgroup(%[[PARTS:.*]] : memref<8xf32, #gpu.address_space<workgroup>>)
// CHECK-SAME: torsh.grid = [array<i64: 1, -1>]
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: gpu.barrier
// CHECK-COUNT-8: memref.load %[[PARTS]]
// CHECK: gpu.barrier

// Columns: neighbouring threads on neighbouring columns, eight lanes to each.
// CHECK-LABEL: gpu.module @amax_kernel
// CHECK: torsh.class = "column_reduction"
// CHECK-SAME: torsh.grid = [array<i64: 32, 40>]
// CHECK-SAME: lanes = 8
// CHECK-NOT: gpu.shuffle
// CHECK-COUNT-5: gpu.barrier

// Of an argument reduction values and positions are merged, in memory.
// CHECK-LABEL: gpu.module @argmax_kernel
// CHECK: workgroup(%{{.*}} : memref<256xf32, #gpu.address_space<workgroup>>, %{{.*}} : memref<256xi64, #gpu.address_space<workgroup>>)
// CHECK-SAME: lanes = 32
// CHECK-COUNT-7: gpu.barrier
// CHECK-NOT: gpu.barrier

// Without subgroups a tree in workgroup memory: one barrier before it, one after each of
// five steps, and one before the memory is used again; twice.
// TREE-LABEL: gpu.module @amax_sub_exp_sum_div_kernel
// TREE: workgroup(%{{.*}} : memref<256xf32, #gpu.address_space<workgroup>>)
// TREE-COUNT-14: gpu.barrier
// TREE-NOT: gpu.barrier
// TREE-LABEL: gpu.module @sum_kernel
func.func @main(%x: tensor<100x70xf32>, %y: tensor<?x5000xf32>, %z: tensor<90x40xi32>, %v: tensor<9x33xf32>)
    -> (tensor<100x70xf32>, tensor<?xf32>, tensor<40xi32>, tensor<9xi64>) {
  %0 = torsh.softmax %x {axis = 1 : i64} : (tensor<100x70xf32>) -> tensor<100x70xf32>
  %1 = torsh.sum %y {axes = array<i64: 1>, keepdims = false} : (tensor<?x5000xf32>) -> tensor<?xf32>
  %2 = torsh.amax %z {axes = array<i64: 0>, keepdims = false} : (tensor<90x40xi32>) -> tensor<40xi32>
  %3 = torsh.argmax %v {axis = 1 : i64, keepdims = false} : (tensor<9x33xf32>) -> tensor<9xi64>
  return %0, %1, %2, %3 : tensor<100x70xf32>, tensor<?xf32>, tensor<40xi32>, tensor<9xi64>
}
