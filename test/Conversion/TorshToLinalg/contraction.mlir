// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// A product is a fill with zero and one generic, marked for the packed lowering.
// CHECK-DAG: #[[MK:.+]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[KN:.+]] = affine_map<(d0, d1, d2) -> (d2, d1)>
// CHECK-DAG: #[[NK:.+]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[MN:.+]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[BATCH_LEFT:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d2, d4)>
// CHECK-DAG: #[[BATCH_RIGHT:.+]] = affine_map<(d0, d1, d2, d3, d4) -> (d1, d4, d3)>
// CHECK-DAG: #[[GROUP_IN:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d5, d3 * 2 + d6, d4 + d7 * 2)>
// CHECK-DAG: #[[GROUP_WEIGHT:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d1, d2, d5, d6, d7)>
// CHECK-DAG: #[[GROUP_OUT:.+]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d2, d3, d4)>
// CHECK-DAG: #[[CHANNEL:.+]] = affine_map<(d0, d1, d2, d3) -> (d1)>
// CHECK-DAG: #[[SLIDE:.+]] = affine_map<(d0, d1, d2, d3) -> (d2, d1 + d3)>

// CHECK-LABEL: func.func @matmul
// CHECK: %[[ROWS:.+]] = tensor.dim %{{.*}}, %{{.*}} : tensor<?x512xf32>
// CHECK: tensor.empty(%[[ROWS]]) : tensor<?x256xf32>
// CHECK: %[[ZERO:.+]] = linalg.fill
// CHECK: linalg.generic {indexing_maps = [#[[MK]], #[[KN]], #[[MN]]], iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK-SAME: outs(%[[ZERO]]
// CHECK-SAME: torsh.contraction
// CHECK: %[[PRODUCT:.+]] = arith.mulf %{{.*}}, %{{.*}} fastmath<reassoc,contract> : f32
// CHECK: arith.addf %{{.*}}, %[[PRODUCT]] fastmath<reassoc,contract> : f32
torsh.kernel @matmul(%x: tensor<?x512xf32>, %w: tensor<512x256xf32>) -> tensor<?x256xf32> {
  %0 = torsh.matmul %x, %w : (tensor<?x512xf32>, tensor<512x256xf32>) -> tensor<?x256xf32>
  torsh.return %0 : tensor<?x256xf32>
}

// Batch axes broadcast through the maps; bf16 is multiplied and added in f32 and
// rounded once at the end.
// CHECK-LABEL: func.func @batched_bf16
// CHECK-SAME: memref<2x?x4xbf16>
// CHECK: linalg.generic {indexing_maps = [#[[BATCH_LEFT]], #[[BATCH_RIGHT]],
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]
// CHECK-SAME: outs(%{{.*}} : tensor<2x3x?x5xf32>)
// CHECK-COUNT-2: arith.extf %{{.*}} : bf16 to f32
// CHECK: linalg.generic
// CHECK: arith.truncf %{{.*}} : f32 to bf16
torsh.kernel @batched_bf16(%x: tensor<2x1x?x4xbf16>, %y: tensor<3x4x5xbf16>) -> tensor<2x3x?x5xbf16> {
  %0 = torsh.matmul %x, %y : (tensor<2x1x?x4xbf16>, tensor<3x4x5xbf16>) -> tensor<2x3x?x5xbf16>
  torsh.return %0 : tensor<2x3x?x5xbf16>
}

// The weight is read as it lies, transposed; the bias is added after the sum.
// CHECK-LABEL: func.func @linear
// CHECK: linalg.generic {indexing_maps = [#[[MK]], #[[NK]], #[[MN]]]
// CHECK-SAME: torsh.contraction
// CHECK: linalg.generic
// CHECK: arith.addf %{{.*}}, %{{.*}} : f32
torsh.kernel @linear(%x: tensor<16x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>) -> tensor<16x4xf32> {
  %0 = torsh.linear %x, %w bias(%b) : (tensor<16x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<16x4xf32>
  torsh.return %0 : tensor<16x4xf32>
}

// CHECK-LABEL: func.func @linear_integers
// CHECK: arith.muli
// CHECK: arith.addi
// CHECK-NOT: linalg.generic
torsh.kernel @linear_integers(%x: tensor<16x8xi32>, %w: tensor<4x8xi32>) -> tensor<16x4xi32> {
  %0 = torsh.linear %x, %w : (tensor<16x8xi32>, tensor<4x8xi32>) -> tensor<16x4xi32>
  torsh.return %0 : tensor<16x4xi32>
}

// The margin is materialised, the channel axes are split into groups, and the
// window is part of the input's map.
// CHECK-LABEL: func.func @conv
// CHECK: %[[SPLIT:.+]] = tensor.expand_shape {{.*}} into tensor<?x2x2x?x8xf32>
// CHECK: linalg.fill {{.*}} -> tensor<?x2x2x?x10xf32>
// CHECK: tensor.insert_slice %[[SPLIT]] into %{{.*}}[0, 0, 0, 1, 2]
// CHECK: tensor.expand_shape %{{.*}} into tensor<2x3x2x3x3xf32>
// CHECK: %[[SUM:.+]] = linalg.generic {indexing_maps = [#[[GROUP_IN]], #[[GROUP_WEIGHT]], #[[GROUP_OUT]]]
// CHECK-SAME: torsh.contraction
// CHECK: tensor.collapse_shape %[[SUM]] {{.*}} into tensor<?x6x?x6xf32>
// CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[CHANNEL]], {{.*}}]
// CHECK: arith.addf
torsh.kernel @conv(%x: tensor<?x4x?x8xf32>, %w: tensor<6x2x3x3xf32>, %b: tensor<6xf32>) -> tensor<?x6x?x6xf32> {
  %0 = torsh.conv %x, %w bias(%b) {dilation = array<i64: 1, 2>, groups = 2 : i64, padding_high = array<i64: 1, 0>, padding_low = array<i64: 1, 2>, stride = array<i64: 2, 1>} : (tensor<?x4x?x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<?x6x?x6xf32>
  torsh.return %0 : tensor<?x6x?x6xf32>
}

// Without a margin, groups, or more than one image there is nothing but the product.
// CHECK-LABEL: func.func @conv_f16
// CHECK-SAME: memref<3x16xf16>
// CHECK-NOT: tensor.insert_slice
// CHECK-NOT: tensor.expand_shape
// CHECK: linalg.generic {indexing_maps = [#[[SLIDE]], {{.*}}, {{.*}}], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
// CHECK: arith.truncf %{{.*}} : f32 to f16
torsh.kernel @conv_f16(%x: tensor<1x3x16xf16>, %w: tensor<8x3x5xf16>) -> tensor<1x8x12xf16> {
  %0 = torsh.conv %x, %w {dilation = array<i64: 1>, padding_high = array<i64: 0>, padding_low = array<i64: 0>, stride = array<i64: 1>} : (tensor<1x3x16xf16>, tensor<8x3x5xf16>) -> tensor<1x8x12xf16>
  torsh.return %0 : tensor<1x8x12xf16>
}

// Narrow integers are widened where they are multiplied, each by its own sign.
// CHECK-LABEL: func.func @widened
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<32x8xi8>, tensor<8x16xi8>) outs(%{{.*}} : tensor<32x16xi32>)
// CHECK-DAG: arith.extui %{{.*}} : i8 to i32
// CHECK-DAG: arith.extsi %{{.*}} : i8 to i32
// CHECK: arith.muli
torsh.kernel @widened(%x: tensor<32x8xui8>, %w: tensor<8x16xi8>) -> tensor<32x16xi32> {
  %0 = torsh.matmul %x, %w {dtype = i32} : (tensor<32x8xui8>, tensor<8x16xi8>) -> tensor<32x16xi32>
  torsh.return %0 : tensor<32x16xi32>
}
