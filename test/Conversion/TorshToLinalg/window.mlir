// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// CHECK-DAG: #[[WINDOW:.+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2 * 2 + d4, d3 * 2 + d5)>
// CHECK-DAG: #[[EXTENT:.+]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d4, d5)>
// CHECK-DAG: #[[DILATED:.+]] = affine_map<(d0, d1) -> (d0 + d1 * 2)>

// The margin is the smallest value; an operand that is never read gives the
// window its extents.
// CHECK-LABEL: func.func @max_pool
// CHECK: %[[LOWEST:.+]] = arith.constant 0xFF800000 : f32
// CHECK: linalg.fill ins(%[[LOWEST]] : f32) {{.*}} -> tensor<?x3x10x?xf32>
// CHECK: %[[PADDED:.+]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 1]
// CHECK: %[[SHAPE:.+]] = tensor.empty() : tensor<3x3xf32>
// CHECK: linalg.generic {indexing_maps = [#[[WINDOW]], #[[EXTENT]], {{.*}}], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%[[PADDED]], %[[SHAPE]]
// CHECK: ^bb0(%[[X:.+]]: f32, %{{.*}}: f32, %[[BEST:.+]]: f32):
// CHECK: arith.maximumf %[[BEST]], %[[X]]
torsh.kernel @max_pool(%x: tensor<?x3x8x?xf32>) -> tensor<?x3x4x?xf32> {
  %0 = torsh.max_pool %x {dilation = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, stride = array<i64: 2, 2>, window = array<i64: 3, 3>} : (tensor<?x3x8x?xf32>) -> tensor<?x3x4x?xf32>
  torsh.return %0 : tensor<?x3x4x?xf32>
}

// CHECK-LABEL: func.func @max_pool_dilated
// CHECK-SAME: memref<9xi8>
// CHECK: arith.constant -128 : i8
// CHECK-NOT: tensor.insert_slice
// CHECK: linalg.generic {indexing_maps = [#[[DILATED]],
// CHECK: arith.maxsi
torsh.kernel @max_pool_dilated(%x: tensor<1x1x9xi8>) -> tensor<1x1x5xi8> {
  %0 = torsh.max_pool %x {dilation = array<i64: 2>, padding_high = array<i64: 0>, padding_low = array<i64: 0>, stride = array<i64: 1>, window = array<i64: 3>} : (tensor<1x1x9xi8>) -> tensor<1x1x5xi8>
  torsh.return %0 : tensor<1x1x5xi8>
}

// f16 is added in f32; the division is by the whole window.
// CHECK-LABEL: func.func @avg_pool
// CHECK: linalg.generic
// CHECK: %[[WIDE:.+]] = arith.extf %{{.*}} : f16 to f32
// CHECK: arith.addf %{{.*}}, %[[WIDE]]
// CHECK: linalg.generic
// CHECK: %[[FOUR:.+]] = arith.constant 4.000000e+00 : f32
// CHECK: arith.divf %{{.*}}, %[[FOUR]]
// CHECK: arith.truncf %{{.*}} : f32 to f16
torsh.kernel @avg_pool(%x: tensor<2x3x8x8xf16>) -> tensor<2x3x4x4xf16> {
  %0 = torsh.avg_pool %x {padding_high = array<i64: 0, 0>, padding_low = array<i64: 0, 0>, stride = array<i64: 2, 2>, window = array<i64: 2, 2>} : (tensor<2x3x8x8xf16>) -> tensor<2x3x4x4xf16>
  torsh.return %0 : tensor<2x3x4x4xf16>
}

// Without the margin in it, the divisor is computed for each window.
// CHECK-LABEL: func.func @avg_pool_edges
// CHECK: linalg.generic
// CHECK: linalg.generic
// CHECK: linalg.index 2
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: %[[COUNT:.+]] = arith.sitofp
// CHECK: arith.divf %{{.*}}, %[[COUNT]]
torsh.kernel @avg_pool_edges(%x: tensor<?x3x8x8xf32>) -> tensor<?x3x8x4xf32> {
  %0 = torsh.avg_pool %x {count_include_pad = false, padding_high = array<i64: 1, 0>, padding_low = array<i64: 0, 0>, stride = array<i64: 1, 2>, window = array<i64: 2, 2>} : (tensor<?x3x8x8xf32>) -> tensor<?x3x8x4xf32>
  torsh.return %0 : tensor<?x3x8x4xf32>
}
