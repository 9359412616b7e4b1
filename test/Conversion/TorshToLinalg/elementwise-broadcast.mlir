// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// CHECK-DAG: #[[ROWS:.+]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[COLUMNS:.+]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[ID:.+]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[SCALAR:.+]] = affine_map<(d0) -> ()>

// A broadcast is a map, not a copy.
// CHECK-LABEL: func.func @broadcast
// CHECK-SAME: %{{.*}}: memref<4xf32>, %{{.*}}: memref<8xf32>, %{{.*}}: memref<4x8xf32>
// CHECK: linalg.generic {indexing_maps = [#[[ROWS]], #[[COLUMNS]], #[[ID]]]
torsh.kernel @broadcast(%x: tensor<4x1xf32>, %y: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.add %x, %y : (tensor<4x1xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  torsh.return %0 : tensor<4x8xf32>
}

// Axes of extent 1 are in no loop.
// CHECK-LABEL: func.func @unit_axes
// CHECK-SAME: %{{.*}}: memref<?xf32>, %{{.*}}: memref<f32>, %{{.*}}: memref<?xf32>
// CHECK: %[[N:.+]] = tensor.dim %{{.*}}, %{{.*}} : tensor<?xf32>
// CHECK: tensor.empty(%[[N]]) : tensor<?xf32>
// CHECK: linalg.generic {indexing_maps = [{{.*}}, #[[SCALAR]], {{.*}}], iterator_types = ["parallel"]}
torsh.kernel @unit_axes(%x: tensor<1x?x1xf32>, %y: tensor<1x1xf32>) -> tensor<1x?x1xf32> {
  %0 = torsh.mul %x, %y : (tensor<1x?x1xf32>, tensor<1x1xf32>) -> tensor<1x?x1xf32>
  torsh.return %0 : tensor<1x?x1xf32>
}

// A splat constant becomes a scalar of the body.
// CHECK-LABEL: func.func @splat
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<8xf32>)
// CHECK: %[[HALF:.+]] = arith.constant 5.000000e-01 : f32
// CHECK: arith.mulf %{{.*}}, %[[HALF]]
torsh.kernel @splat(%x: tensor<8xf32>) -> tensor<8xf32> {
  %half = torsh.constant dense<0.5> : tensor<8xf32>
  %0 = torsh.mul %x, %half : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func @cast
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK: linalg.generic
// CHECK: arith.cmpf une, %{{.*}} : bf16
// CHECK: linalg.generic
// CHECK: arith.uitofp %{{.*}} : i1 to f64
// CHECK: linalg.generic
// CHECK: arith.sitofp %{{.*}} : i16 to f32
torsh.kernel @cast(%x: tensor<8xf32>, %i: tensor<8xi16>) -> (tensor<8xf64>, tensor<8xf32>) {
  %0 = torsh.cast %x to bf16 : (tensor<8xf32>) -> tensor<8xbf16>
  %1 = torsh.cast %0 to i1 : (tensor<8xbf16>) -> tensor<8xi1>
  %2 = torsh.cast %1 to f64 : (tensor<8xi1>) -> tensor<8xf64>
  %3 = torsh.cast %i to f32 : (tensor<8xi16>) -> tensor<8xf32>
  torsh.return %2, %3 : tensor<8xf64>, tensor<8xf32>
}
