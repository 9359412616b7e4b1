// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// CHECK-DAG: #[[ALL:.+]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[MIDDLE:.+]] = affine_map<(d0, d1, d2) -> (d1)>

// Reduced axes are missing in the result's map; floats may be added in any order.
// CHECK-LABEL: func.func @sum
// CHECK: %[[INIT:.+]] = linalg.fill {{.*}} -> tensor<4xf32>
// CHECK: linalg.generic {indexing_maps = [#[[ALL]], #[[MIDDLE]]], iterator_types = ["reduction", "parallel", "reduction"]}
// CHECK-SAME: outs(%[[INIT]]
// CHECK: arith.addf %{{.*}}, %{{.*}} fastmath<reassoc> : f32
torsh.kernel @sum(%x: tensor<?x4x8xf32>) -> tensor<4xf32> {
  %0 = torsh.sum %x {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
  torsh.return %0 : tensor<4xf32>
}

// An axis that is kept has extent 1, and is in no buffer.
// CHECK-LABEL: func.func @keepdims
// CHECK-SAME: memref<?x4x8xi64>, %{{.*}}: memref<?x8xi64>
// CHECK: arith.addi
torsh.kernel @keepdims(%x: tensor<?x4x8xi64>) -> tensor<?x1x8xi64> {
  %0 = torsh.sum %x {axes = array<i64: 1>, keepdims = true} : (tensor<?x4x8xi64>) -> tensor<?x1x8xi64>
  torsh.return %0 : tensor<?x1x8xi64>
}

// CHECK-LABEL: func.func @sum_f16
// CHECK: linalg.fill {{.*}} -> tensor<f32>
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: arith.addf
// CHECK: arith.truncf %{{.*}} : f32 to f16
torsh.kernel @sum_f16(%x: tensor<8xf16>) -> tensor<f16> {
  %0 = torsh.sum %x {axes = array<i64: 0>} : (tensor<8xf16>) -> tensor<f16>
  torsh.return %0 : tensor<f16>
}

// CHECK-LABEL: func.func @prod
// CHECK: %[[ONE:.+]] = arith.constant 1.000000e+00 : f32
// CHECK: linalg.fill ins(%[[ONE]]
// CHECK: arith.mulf
torsh.kernel @prod(%x: tensor<8xf32>) -> tensor<f32> {
  %0 = torsh.prod %x {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
  torsh.return %0 : tensor<f32>
}

// The start is what every element beats: minus infinity, the largest integer.
// CHECK-LABEL: func.func @extremes
// CHECK: arith.constant 0xFF800000 : f32
// CHECK: arith.maximumf
// CHECK: arith.constant 2147483647 : i32
// CHECK: arith.minsi
torsh.kernel @extremes(%x: tensor<8xf32>, %i: tensor<8xi32>) -> (tensor<f32>, tensor<i32>) {
  %0 = torsh.amax %x {axes = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
  %1 = torsh.amin %i {axes = array<i64: 0>} : (tensor<8xi32>) -> tensor<i32>
  torsh.return %0, %1 : tensor<f32>, tensor<i32>
}

// CHECK-LABEL: func.func @any_all
// CHECK: %[[FALSE:.+]] = arith.constant false
// CHECK: linalg.fill ins(%[[FALSE]]
// CHECK: arith.ori
// CHECK: %[[TRUE:.+]] = arith.constant true
// CHECK: linalg.fill ins(%[[TRUE]]
// CHECK: arith.andi
torsh.kernel @any_all(%x: tensor<8xi1>) -> (tensor<i1>, tensor<i1>) {
  %0 = torsh.any %x {axes = array<i64: 0>} : (tensor<8xi1>) -> tensor<i1>
  %1 = torsh.all %x {axes = array<i64: 0>} : (tensor<8xi1>) -> tensor<i1>
  torsh.return %0, %1 : tensor<i1>, tensor<i1>
}

// The divisor is the number of elements, known when the program runs.
// CHECK-LABEL: func.func @mean
// CHECK: arith.addf
// CHECK: %[[N:.+]] = tensor.dim
// CHECK: arith.muli %{{.*}}, %[[N]]
// CHECK: %[[COUNT:.+]] = arith.sitofp
// CHECK: arith.divf %{{.*}}, %[[COUNT]]
torsh.kernel @mean(%x: tensor<?x4x8xf32>) -> tensor<4xf32> {
  %0 = torsh.mean %x {axes = array<i64: 0, 2>} : (tensor<?x4x8xf32>) -> tensor<4xf32>
  torsh.return %0 : tensor<4xf32>
}

// Value and position are carried together; the first NaN wins.
// CHECK-LABEL: func.func @argmax
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction", "parallel"]
// CHECK: ^bb0(%[[X:.+]]: f32, %[[BEST:.+]]: f32, %[[AT:.+]]: i64):
// CHECK: %[[MORE:.+]] = arith.cmpf ogt, %[[X]], %[[BEST]]
// CHECK: arith.cmpf uno, %[[X]], %[[X]]
// CHECK: arith.cmpf ord, %[[BEST]], %[[BEST]]
// CHECK: %[[BETTER:.+]] = arith.ori %[[MORE]]
// CHECK: linalg.index 1
// CHECK: arith.select %[[BETTER]], %[[X]], %[[BEST]]
// CHECK: arith.select %[[BETTER]], %{{.*}}, %[[AT]]
torsh.kernel @argmax(%x: tensor<?x4x8xf32>) -> tensor<?x8xi64> {
  %0 = torsh.argmax %x {axis = 1 : i64} : (tensor<?x4x8xf32>) -> tensor<?x8xi64>
  torsh.return %0 : tensor<?x8xi64>
}

// CHECK-LABEL: func.func @argmin
// CHECK: arith.cmpi slt
torsh.kernel @argmin(%x: tensor<4x8xi8>) -> tensor<4x1xi64> {
  %0 = torsh.argmin %x {axis = 1 : i64, keepdims = true} : (tensor<4x8xi8>) -> tensor<4x1xi64>
  torsh.return %0 : tensor<4x1xi64>
}
