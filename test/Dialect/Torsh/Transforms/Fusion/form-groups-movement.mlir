// RUN: torsh-opt %s -split-input-file -torsh-form-groups | FileCheck %s

// Index maps of what they read, one behind the other, in the kernel that reads them.
// CHECK-LABEL: func @index_maps
// CHECK: torsh.slice {{.*}}torsh.group = 0
// CHECK: torsh.permute {{.*}}torsh.group = 0
// CHECK: torsh.add {{.*}}torsh.group = 0
func.func @index_maps(%x: tensor<8x4xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.slice %x {start = array<i64: 7, 0>, stop = array<i64: -9, 4>, stride = array<i64: -1, 1>} : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = torsh.permute %0 {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %2 = torsh.add %1, %y : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// CHECK: module attributes {{.*}}input of torsh.permute is computed
// CHECK-LABEL: func @computed_input
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.permute {{.*}}torsh.group = 1
// CHECK: torsh.neg {{.*}}torsh.group = 1
func.func @computed_input(%x: tensor<8x4xf32>) -> tensor<4x8xf32> {
  %0 = torsh.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = torsh.permute %0 {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %2 = torsh.neg %1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// Nor may another edge bring what is computed into the kernel.
// CHECK-LABEL: func @computed_and_read
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.permute {{.*}}torsh.group = 1
// CHECK: torsh.add {{.*}}torsh.group = 1
func.func @computed_and_read(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = torsh.exp %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = torsh.permute %0 {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = torsh.add %0, %1 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// -----

// CHECK: module attributes {{.*}}torsh.matmul is not elementwise, so torsh.permute is not folded into it
// CHECK-LABEL: func @read_by_contraction
// CHECK: torsh.permute {{.*}}torsh.group = 0
// CHECK: torsh.matmul {{.*}}torsh.group = 1
func.func @read_by_contraction(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = torsh.permute %x {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = torsh.matmul %x, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

// A broadcast that two kernels read is in both, and so is the iota it reads.
// CHECK-LABEL: func @copied
// CHECK: torsh.iota {{.*}}torsh.group = [[A:[0-9]]]
// CHECK: torsh.iota {{.*}}torsh.group = [[B:[0-9]]]
// CHECK-DAG: torsh.broadcast {{.*}}torsh.group = [[A]]
// CHECK-DAG: torsh.broadcast {{.*}}torsh.group = [[B]]
// CHECK-DAG: torsh.mul {{.*}}torsh.group = [[B]]
// CHECK-DAG: torsh.add {{.*}}torsh.group = [[A]]
func.func @copied(%x: tensor<2x8xf32>, %y: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %0 = torsh.iota {axis = 0 : i64} : tensor<8xf32>
  %1 = torsh.broadcast %0 : (tensor<8xf32>) -> tensor<2x8xf32>
  %2 = torsh.add %x, %1 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  %3 = torsh.mul %y, %1 : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
  return %2, %3 : tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// CHECK: module attributes {{.*}}torsh.reshape is a view in the host program
// CHECK: torsh.concat is a kernel of its own
// CHECK-LABEL: func @on_their_own
// CHECK: torsh.exp {{.*}}torsh.group = 0
// CHECK: torsh.reshape
// CHECK-NOT: torsh.group
// CHECK-SAME: ->
// CHECK: torsh.concat {{.*}}torsh.group = 1
// CHECK: torsh.neg {{.*}}torsh.group = 2
func.func @on_their_own(%x: tensor<8xf32>) -> tensor<4x4xf32> {
  %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.reshape %0 : (tensor<8xf32>) -> tensor<4x2xf32>
  %2 = torsh.concat %1, %1 {axis = 1 : i64} : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<4x4xf32>
  %3 = torsh.neg %2 : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// -----

// Rows of tables are read where they are used: embeddings, their sum and what follows are one kernel.
// CHECK-LABEL: func @embeddings
// CHECK-COUNT-3: torsh.group = 0
// CHECK: torsh.layer_norm {{.*}}torsh.group = 1
func.func @embeddings(%t: tensor<50x8xf32>, %p: tensor<16x8xf32>, %i: tensor<2x3xi64>, %j: tensor<3xi64>) -> tensor<2x3x8xf32> {
  %0 = torsh.gather %t at (%i) {axes = array<i64: 0>} : (tensor<50x8xf32>, tensor<2x3xi64>) -> tensor<2x3x8xf32>
  %1 = torsh.gather %p at (%j) {axes = array<i64: 0>} : (tensor<16x8xf32>, tensor<3xi64>) -> tensor<3x8xf32>
  %2 = torsh.add %0, %1 : (tensor<2x3x8xf32>, tensor<3x8xf32>) -> tensor<2x3x8xf32>
  %3 = torsh.layer_norm %2 {num_axes = 1 : i64, eps = 1.0e-5 : f64} : (tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %3 : tensor<2x3x8xf32>
}

// -----

// Positions that are computed are not looked through.
// CHECK: module attributes {{.*}}input of torsh.gather is computed
// CHECK-LABEL: func @computed_positions
func.func @computed_positions(%t: tensor<50xf32>, %i: tensor<3xi64>) -> tensor<3xf32> {
  %0 = torsh.add %i, %i : (tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  %1 = torsh.gather %t at (%0) {axes = array<i64: 0>} : (tensor<50xf32>, tensor<3xi64>) -> tensor<3xf32>
  %2 = torsh.neg %1 : (tensor<3xf32>) -> tensor<3xf32>
  return %2 : tensor<3xf32>
}

// -----

// A concatenation reads its pieces where they lie in what they are slices of, also through a reshape
// that only drops axes of extent 1.
// CHECK-LABEL: func @concat_of_slices
// CHECK: torsh.slice {{.*}}torsh.group = 0
// CHECK: torsh.reshape {{.*}}torsh.group = 0
// CHECK: torsh.slice {{.*}}torsh.group = 0
// CHECK: torsh.concat {{.*}}torsh.group = 0
// CHECK: torsh.neg {{.*}}torsh.group = 1
func.func @concat_of_slices(%x: tensor<4x8x16xf32>, %y: tensor<8x16xf32>) -> tensor<12x16xf32> {
  %0 = torsh.slice %x {start = array<i64: 2, 0, 0>, stop = array<i64: 3, 8, 16>, stride = array<i64: 1, 1, 1>} : (tensor<4x8x16xf32>) -> tensor<1x8x16xf32>
  %1 = torsh.reshape %0 : (tensor<1x8x16xf32>) -> tensor<8x16xf32>
  %2 = torsh.slice %y {start = array<i64: 0, 0>, stop = array<i64: 8, 16>, stride = array<i64: 2, 1>} : (tensor<8x16xf32>) -> tensor<4x16xf32>
  %3 = torsh.concat %1, %2 {axis = 0 : i64} : (tensor<8x16xf32>, tensor<4x16xf32>) -> tensor<12x16xf32>
  %4 = torsh.neg %3 : (tensor<12x16xf32>) -> tensor<12x16xf32>
  return %4 : tensor<12x16xf32>
}

// -----

// Not a slice that something else reads as well, nor what is computed.
// CHECK-LABEL: func @concat_of_others
// CHECK: torsh.slice {{.*}}torsh.group = 0
// CHECK: torsh.neg {{.*}}torsh.group = 1
// CHECK: torsh.concat {{.*}}torsh.group = 2
func.func @concat_of_others(%x: tensor<8x16xf32>) -> (tensor<4x32xf32>, tensor<4x16xf32>) {
  %0 = torsh.slice %x {start = array<i64: 0, 0>, stop = array<i64: 8, 16>, stride = array<i64: 2, 1>} : (tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = torsh.neg %0 : (tensor<4x16xf32>) -> tensor<4x16xf32>
  %2 = torsh.concat %0, %1 {axis = 1 : i64} : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x32xf32>
  return %2, %0 : tensor<4x32xf32>, tensor<4x16xf32>
}

// -----

// A slice and the permutation that reads it move elements once.
// CHECK-LABEL: func @slice_permute
// CHECK: torsh.slice {{.*}}torsh.group = 0
// CHECK: torsh.permute {{.*}}torsh.group = 0
func.func @slice_permute(%x: tensor<8x6xf32>) -> tensor<4x8xf32> {
  %0 = torsh.slice %x {start = array<i64: 0, 2>, stop = array<i64: 8, 6>, stride = array<i64: 1, 1>} : (tensor<8x6xf32>) -> tensor<8x4xf32>
  %1 = torsh.permute %0 {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
