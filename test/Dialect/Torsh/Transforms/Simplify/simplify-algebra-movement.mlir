// RUN: torsh-opt %s --split-input-file --torsh-simplify-algebra | FileCheck %s

// CHECK-LABEL: func.func @reshapes
// CHECK-NEXT: %[[R:.*]] = torsh.reshape %arg0 : (tensor<?x4x8xf32>) -> tensor<?x16xf32>
// CHECK-NEXT: return %[[R]], %arg0
func.func @reshapes(%x: tensor<?x4x8xf32>) -> (tensor<?x16xf32>, tensor<?x4x8xf32>) {
  %0 = torsh.reshape %x : (tensor<?x4x8xf32>) -> tensor<?x32xf32>
  %1 = torsh.reshape %0 : (tensor<?x32xf32>) -> tensor<?x16xf32>
  %2 = torsh.reshape %0 : (tensor<?x32xf32>) -> tensor<?x4x8xf32>
  return %1, %2 : tensor<?x16xf32>, tensor<?x4x8xf32>
}

// -----

// Whether the inner reshape fits is known only when the program runs.
// CHECK-LABEL: func.func @reshape_stays
// CHECK: torsh.reshape %arg0 : (tensor<12xf32>) -> tensor<?x4xf32>
// CHECK: torsh.reshape %{{.*}} : (tensor<?x4xf32>) -> tensor<?x5xf32>
func.func @reshape_stays(%x: tensor<12xf32>) -> tensor<?x5xf32> {
  %0 = torsh.reshape %x : (tensor<12xf32>) -> tensor<?x4xf32>
  %1 = torsh.reshape %0 : (tensor<?x4xf32>) -> tensor<?x5xf32>
  return %1 : tensor<?x5xf32>
}

// -----

// CHECK-LABEL: func.func @permutes
// CHECK-DAG: %[[P:.*]] = torsh.permute %arg0 {permutation = array<i64: 2, 1, 0>}
// CHECK-DAG: %[[R:.*]] = torsh.reshape %arg1 : (tensor<1x?x4xf32>) -> tensor<?x4x1xf32>
// CHECK: return %[[P]], %arg0, %[[R]]
func.func @permutes(%x: tensor<2x?x4xf32>, %y: tensor<1x?x4xf32>) -> (tensor<4x?x2xf32>, tensor<2x?x4xf32>, tensor<?x4x1xf32>) {
  %0 = torsh.permute %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x?x4xf32>) -> tensor<?x4x2xf32>
  %1 = torsh.permute %0 {permutation = array<i64: 1, 0, 2>} : (tensor<?x4x2xf32>) -> tensor<4x?x2xf32>
  %2 = torsh.permute %0 {permutation = array<i64: 2, 0, 1>} : (tensor<?x4x2xf32>) -> tensor<2x?x4xf32>
  %3 = torsh.permute %y {permutation = array<i64: 1, 2, 0>} : (tensor<1x?x4xf32>) -> tensor<?x4x1xf32>
  return %1, %2, %3 : tensor<4x?x2xf32>, tensor<2x?x4xf32>, tensor<?x4x1xf32>
}

// -----

// Slices of slices, forwards, backwards and by one element.
// CHECK-LABEL: func.func @slices
// CHECK-DAG: %[[A:.*]] = torsh.slice %arg0 {start = array<i64: 4>, stop = array<i64: 17>, stride = array<i64: 6>}
// CHECK-DAG: %[[B:.*]] = torsh.slice %arg0 {start = array<i64: 18>, stop = array<i64: 1>, stride = array<i64: -4>}
// CHECK-DAG: %[[C:.*]] = torsh.slice %arg0 {start = array<i64: 8>, stop = array<i64: 9>, stride = array<i64: 1>}
// CHECK-DAG: %[[D:.*]] = torsh.slice %arg1 {start = array<i64: 5>, stop = array<i64: 9223372036854775807>, stride = array<i64: 2>}
// CHECK: return %[[A]], %[[B]], %[[C]], %[[D]]
func.func @slices(%x: tensor<20xf32>, %y: tensor<?xf32>) -> (tensor<3xf32>, tensor<5xf32>, tensor<1xf32>, tensor<?xf32>) {
  %0 = torsh.slice %x {start = array<i64: 2>, stop = array<i64: 20>, stride = array<i64: 2>} : (tensor<20xf32>) -> tensor<9xf32>
  %1 = torsh.slice %0 {start = array<i64: 1>, stop = array<i64: 9>, stride = array<i64: 3>} : (tensor<9xf32>) -> tensor<3xf32>
  %2 = torsh.slice %0 {start = array<i64: 8>, stop = array<i64: -1>, stride = array<i64: -2>} : (tensor<9xf32>) -> tensor<5xf32>
  %3 = torsh.slice %0 {start = array<i64: 3>, stop = array<i64: 4>, stride = array<i64: 5>} : (tensor<9xf32>) -> tensor<1xf32>
  %4 = torsh.slice %y {start = array<i64: 2>, stop = array<i64: 9223372036854775807>, stride = array<i64: 1>} : (tensor<?xf32>) -> tensor<?xf32>
  %5 = torsh.slice %4 {start = array<i64: 3>, stop = array<i64: 9223372036854775807>, stride = array<i64: 2>} : (tensor<?xf32>) -> tensor<?xf32>
  return %1, %2, %3, %5 : tensor<3xf32>, tensor<5xf32>, tensor<1xf32>, tensor<?xf32>
}

// -----

// A bound that is checked when the program runs is not lost.
// CHECK-LABEL: func.func @slice_checks_stay
// CHECK: torsh.slice
// CHECK: torsh.slice
func.func @slice_checks_stay(%x: tensor<?xf32>) -> tensor<2xf32> {
  %0 = torsh.slice %x {start = array<i64: 0>, stop = array<i64: 9>, stride = array<i64: 1>} : (tensor<?xf32>) -> tensor<9xf32>
  %1 = torsh.slice %0 {start = array<i64: 0>, stop = array<i64: 2>, stride = array<i64: 1>} : (tensor<9xf32>) -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @slice_of_concat
// CHECK-DAG: %[[A:.*]] = torsh.slice %arg1 {start = array<i64: 1, 0>, stop = array<i64: 3, 4>, stride = array<i64: 1, 2>} : (tensor<5x4xf32>)
// CHECK-DAG: %[[C:.*]] = torsh.concat %arg0, %arg1
// CHECK-DAG: %[[B:.*]] = torsh.slice %[[C]]
// CHECK: return %arg0, %[[A]], %[[B]]
func.func @slice_of_concat(%x: tensor<3x4xf32>, %y: tensor<5x4xf32>) -> (tensor<3x4xf32>, tensor<2x2xf32>, tensor<3x4xf32>) {
  %0 = torsh.concat %x, %y {axis = 0 : i64} : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
  %1 = torsh.slice %0 {start = array<i64: 0, 0>, stop = array<i64: 3, 4>, stride = array<i64: 1, 1>} : (tensor<8x4xf32>) -> tensor<3x4xf32>
  %2 = torsh.slice %0 {start = array<i64: 4, 0>, stop = array<i64: 6, 4>, stride = array<i64: 1, 2>} : (tensor<8x4xf32>) -> tensor<2x2xf32>
  %3 = torsh.slice %0 {start = array<i64: 2, 0>, stop = array<i64: 5, 4>, stride = array<i64: 1, 1>} : (tensor<8x4xf32>) -> tensor<3x4xf32>
  return %1, %2, %3 : tensor<3x4xf32>, tensor<2x2xf32>, tensor<3x4xf32>
}

// -----

// CHECK-LABEL: func.func @concats_and_pads
// CHECK-DAG: %[[C:.*]] = torsh.concat %arg0, %arg1, %arg0 {axis = 0 : i64}
// CHECK-DAG: %[[P:.*]] = torsh.pad %arg0, %{{.*}} {high = array<i64: 2>, low = array<i64: 4>}
// CHECK-DAG: %[[Q:.*]] = torsh.pad %{{.*}}, %arg3
// CHECK: return %[[C]], %[[P]], %[[Q]], %arg0
func.func @concats_and_pads(%x: tensor<?xf32>, %y: tensor<3xf32>, %e: tensor<0xf32>, %v: tensor<f32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %0 = torsh.concat %x, %y {axis = 0 : i64} : (tensor<?xf32>, tensor<3xf32>) -> tensor<?xf32>
  %1 = torsh.concat %0, %e, %x {axis = 0 : i64} : (tensor<?xf32>, tensor<0xf32>, tensor<?xf32>) -> tensor<?xf32>
  %2 = torsh.pad %x, %zero {low = array<i64: 1>, high = array<i64: 2>} : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %3 = torsh.pad %2, %zero {low = array<i64: 3>, high = array<i64: 0>} : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %4 = torsh.pad %2, %v {low = array<i64: 1>, high = array<i64: 1>} : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  %5 = torsh.pad %x, %zero {low = array<i64: 0>, high = array<i64: 0>} : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  return %1, %3, %4, %5 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// -----

// A broadcast is dropped where the operation broadcasts anyway, and waits behind
// operations of one operand.
// CHECK-LABEL: func.func @broadcasts
// CHECK-SAME: %[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<8x4xf32>
// CHECK-DAG: %[[ADD:.*]] = torsh.add %[[X]], %[[Y]] : (tensor<4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
// CHECK-DAG: %[[EXP:.*]] = torsh.exp %[[X]]
// CHECK-DAG: %[[B:.*]] = torsh.broadcast %[[EXP]]
// CHECK-DAG: %[[KEPT:.*]] = torsh.broadcast %[[X]]
// CHECK-DAG: %[[MUL:.*]] = torsh.mul %[[X]], %[[KEPT]]
// CHECK: return %[[ADD]], %[[B]], %[[MUL]]
func.func @broadcasts(%x: tensor<4xf32>, %y: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>) {
  %0 = torsh.broadcast %x : (tensor<4xf32>) -> tensor<8x4xf32>
  %1 = torsh.add %0, %y : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %2 = torsh.exp %0 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %3 = torsh.mul %0, %x : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  return %1, %2, %3 : tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// Sizes that only the broadcast knows must equal the other operand's extent.
// CHECK-LABEL: func.func @broadcast_stays
// CHECK: %[[B:.*]] = torsh.broadcast
// CHECK: torsh.add
// CHECK-SAME: %[[B]]
func.func @broadcast_stays(%x: tensor<1xf32>, %y: tensor<?xf32>, %n: index) -> tensor<?xf32> {
  %0 = torsh.broadcast %x sizes(%n) : (tensor<1xf32>) -> tensor<?xf32>
  %1 = torsh.add %0, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// cache[2][1:, ..., :3]: one slice of the cache, behind the reshape that drops its first axis.
// CHECK-LABEL: func @slice_of_squeezed
// CHECK-NEXT: %[[S:.*]] = torsh.slice %arg0 {start = array<i64: 2, 1, 0, 0>, stop = array<i64: 3, 4, 1, 3>, stride = array<i64: 1, 1, 1, 1>}
// CHECK-NEXT: %[[R:.*]] = torsh.reshape %[[S]] : (tensor<1x3x1x3xf32>) -> tensor<3x1x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @slice_of_squeezed(%x: tensor<4x4x1x8xf32>) -> tensor<3x1x3xf32> {
  %0 = torsh.slice %x {start = array<i64: 2, 0, 0, 0>, stop = array<i64: 3, 4, 1, 8>, stride = array<i64: 1, 1, 1, 1>} : (tensor<4x4x1x8xf32>) -> tensor<1x4x1x8xf32>
  %1 = torsh.reshape %0 : (tensor<1x4x1x8xf32>) -> tensor<4x1x8xf32>
  %2 = torsh.slice %1 {start = array<i64: 1, 0, 0>, stop = array<i64: 4, 1, 3>, stride = array<i64: 1, 1, 1>} : (tensor<4x1x8xf32>) -> tensor<3x1x3xf32>
  return %2 : tensor<3x1x3xf32>
}

// -----

// A reshape that moves elements between axes stays between the slices.
// CHECK-LABEL: func @slice_of_reshaped
// CHECK: torsh.slice
// CHECK: torsh.reshape
// CHECK: torsh.slice
func.func @slice_of_reshaped(%x: tensor<4x8xf32>) -> tensor<2x2xf32> {
  %0 = torsh.slice %x {start = array<i64: 2, 0>, stop = array<i64: 3, 8>, stride = array<i64: 1, 1>} : (tensor<4x8xf32>) -> tensor<1x8xf32>
  %1 = torsh.reshape %0 : (tensor<1x8xf32>) -> tensor<2x4xf32>
  %2 = torsh.slice %1 {start = array<i64: 0, 2>, stop = array<i64: 2, 4>, stride = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x2xf32>
  return %2 : tensor<2x2xf32>
}

// -----

// Heads of a part of the last axis: some of the heads of all of it.
// CHECK-LABEL: func @sliced_heads
// CHECK-NEXT: %[[H:.*]] = torsh.reshape %arg0 : (tensor<?x96xf32>) -> tensor<?x6x16xf32>
// CHECK-NEXT: %[[S:.*]] = torsh.slice %[[H]] {start = array<i64: 0, 2, 0>, stop = array<i64: 9223372036854775807, 4, 16>, stride = array<i64: 1, 1, 1>}
// CHECK-NEXT: return %[[S]]
func.func @sliced_heads(%x: tensor<?x96xf32>) -> tensor<?x2x16xf32> {
  %0 = torsh.slice %x {start = array<i64: 0, 32>, stop = array<i64: 9223372036854775807, 64>, stride = array<i64: 1, 1>} : (tensor<?x96xf32>) -> tensor<?x32xf32>
  %1 = torsh.reshape %0 : (tensor<?x32xf32>) -> tensor<?x2x16xf32>
  return %1 : tensor<?x2x16xf32>
}

// -----

// CHECK-LABEL: func @sliced_in_heads
// CHECK-NEXT: torsh.slice
// CHECK-NEXT: torsh.reshape
func.func @sliced_in_heads(%x: tensor<4x96xf32>) -> tensor<4x2x16xf32> {
  %0 = torsh.slice %x {start = array<i64: 0, 8>, stop = array<i64: 4, 40>, stride = array<i64: 1, 1>} : (tensor<4x96xf32>) -> tensor<4x32xf32>
  %1 = torsh.reshape %0 : (tensor<4x32xf32>) -> tensor<4x2x16xf32>
  return %1 : tensor<4x2x16xf32>
}
