// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// CHECK-DAG: #[[LAST:.+]] = affine_map<(d0, d1, d2) -> (d2)>
// CHECK-DAG: #[[ROTATED:.+]] = affine_map<(d0, d1, d2) -> (d1, d2, d0)>
// CHECK-DAG: #[[LENGTH:.+]] = affine_map<()[s0] -> (s0 + 2)>

// CHECK-LABEL: func.func @constant
// CHECK: arith.constant dense<[1.000000e+00, -0.000000e+00]> : tensor<2xf32>
torsh.kernel @constant() -> tensor<1x2xf32> {
  %0 = torsh.constant dense<[[1.0, -0.0]]> : tensor<1x2xf32>
  torsh.return %0 : tensor<1x2xf32>
}

// CHECK-LABEL: func.func @iota
// CHECK: linalg.index 1
// CHECK: arith.sitofp %{{.*}} : i64 to f16
// CHECK: tensor.empty(%{{.*}}) : tensor<?x3xi8>
// CHECK: linalg.index 0
// CHECK: arith.trunci %{{.*}} : i64 to i8
torsh.kernel @iota(%x: tensor<?xf32>) -> (tensor<2x3xf16>, tensor<?x3xi8>) {
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?xf32>
  %0 = torsh.iota {axis = 1 : i64} : tensor<2x3xf16>
  %1 = torsh.iota sizes(%n) {axis = 0 : i64} : tensor<?x3xi8>
  torsh.return %0, %1 : tensor<2x3xf16>, tensor<?x3xi8>
}

// CHECK-LABEL: func.func @reshape
// CHECK: %[[FLAT:.+]] = tensor.collapse_shape %{{.*}} {{\[\[}}0, 1, 2]] : tensor<?x4x8xf32> into tensor<?xf32>
// CHECK: tensor.expand_shape %[[FLAT]] {{\[\[}}0, 1]] {{.*}} into tensor<?x32xf32>
torsh.kernel @reshape(%x: tensor<?x4x8xf32>) -> tensor<?x32xf32> {
  %0 = torsh.reshape %x : (tensor<?x4x8xf32>) -> tensor<?x32xf32>
  torsh.return %0 : tensor<?x32xf32>
}

// Unit axes come and go without an operation.
// CHECK-LABEL: func.func @reshape_unit_axes
// CHECK-NEXT: %[[X:.+]] = bufferization.to_tensor
// CHECK-NEXT: bufferization.materialize_in_destination %[[X]]
torsh.kernel @reshape_unit_axes(%x: tensor<8x1xf32>) -> tensor<1x8x1xf32> {
  %0 = torsh.reshape %x : (tensor<8x1xf32>) -> tensor<1x8x1xf32>
  torsh.return %0 : tensor<1x8x1xf32>
}

// CHECK-LABEL: func.func @broadcast
// CHECK: linalg.generic {indexing_maps = [#[[LAST]], {{.*}}], {{.*}} ins(%{{.*}} : tensor<4xi8>) outs(%{{.*}} : tensor<2x?x4xi8>)
// CHECK: ^bb0(%[[X:.+]]: i8, %{{.*}}: i8):
// CHECK-NEXT: linalg.yield %[[X]]
torsh.kernel @broadcast(%x: tensor<1x4xi8>, %y: tensor<?xf32>) -> tensor<2x?x4xi8> {
  %zero = arith.constant 0 : index
  %n = tensor.dim %y, %zero : tensor<?xf32>
  %0 = torsh.broadcast %x sizes(%n) : (tensor<1x4xi8>) -> tensor<2x?x4xi8>
  torsh.return %0 : tensor<2x?x4xi8>
}

// CHECK-LABEL: func.func @permute
// CHECK: linalg.generic {indexing_maps = [#[[ROTATED]], {{.*}}], {{.*}} ins(%{{.*}} : tensor<?x4x8xf32>) outs(%{{.*}} : tensor<8x?x4xf32>)
torsh.kernel @permute(%x: tensor<?x4x8xf32>) -> tensor<8x?x4xf32> {
  %0 = torsh.permute %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x4x8xf32>) -> tensor<8x?x4xf32>
  torsh.return %0 : tensor<8x?x4xf32>
}

// CHECK-LABEL: func.func @slice
// CHECK: tensor.extract_slice %{{.*}}[1, 0, 1] [2, 4, 3] [1, 1, 2] : tensor<?x4x8xf32> to tensor<2x4x3xf32>
torsh.kernel @slice(%x: tensor<?x4x8xf32>) -> tensor<2x4x3xf32> {
  %0 = torsh.slice %x {start = array<i64: 1, 0, 1>, stop = array<i64: 3, 4, 7>, stride = array<i64: 1, 1, 2>} : (tensor<?x4x8xf32>) -> tensor<2x4x3xf32>
  torsh.return %0 : tensor<2x4x3xf32>
}

// No slice of a tensor goes backwards: each element is read by itself.
// CHECK-LABEL: func.func @slice_backwards
// CHECK-NOT: tensor.extract_slice
// CHECK: %[[STEP:.+]] = arith.constant -1 : index
// CHECK: %[[BACK:.+]] = arith.muli %{{.*}}, %[[STEP]]
// CHECK: %[[AT:.+]] = arith.addi %{{.*}}, %[[BACK]]
// CHECK: tensor.extract %{{.*}}[%[[AT]]]
torsh.kernel @slice_backwards(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.slice %x {start = array<i64: 7>, stop = array<i64: -9>, stride = array<i64: -1>} : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func @concat
// CHECK: %[[ROWS:.+]] = affine.apply #[[LENGTH]]()[%{{.*}}]
// CHECK: %[[OUT:.+]] = tensor.empty(%[[ROWS]])
// CHECK: %[[FIRST:.+]] = tensor.insert_slice %{{.*}} into %[[OUT]][0, 0] [1, 4]
// CHECK: %[[SECOND:.+]] = tensor.insert_slice %{{.*}} into %[[FIRST]][1, 0] [%{{.*}}, 4]
// CHECK: tensor.insert_slice %{{.*}} into %[[SECOND]][%{{.*}}, 0] [1, 4]
torsh.kernel @concat(%x: tensor<1x4xi8>, %y: tensor<?x4xi8>) -> tensor<?x4xi8> {
  %0 = torsh.concat %x, %y, %x {axis = 0 : i64} : (tensor<1x4xi8>, tensor<?x4xi8>, tensor<1x4xi8>) -> tensor<?x4xi8>
  torsh.return %0 : tensor<?x4xi8>
}

// CHECK-LABEL: func.func @pad
// CHECK: %[[VALUE:.+]] = tensor.extract %{{.*}}[] : tensor<f32>
// CHECK: linalg.fill ins(%[[VALUE]] : f32) {{.*}} -> tensor<?x5x10xf32>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[3, 0, 0] [%{{.*}}, 4, 8]
torsh.kernel @pad(%x: tensor<?x4x8xf32>, %v: tensor<f32>) -> tensor<?x5x10xf32> {
  %0 = torsh.pad %x, %v {high = array<i64: 0, 1, 2>, low = array<i64: 3, 0, 0>} : (tensor<?x4x8xf32>, tensor<f32>) -> tensor<?x5x10xf32>
  torsh.return %0 : tensor<?x5x10xf32>
}
