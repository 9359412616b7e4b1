// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @scan
// CHECK: %[[NEUTRAL:.+]] = arith.constant -0.000000e+00 : f32
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK: ^bb0(%[[X:.+]]: f32, %[[ACC:.+]]: f32):
// CHECK: %[[OTHER:.+]] = linalg.index 2
// CHECK: %[[OWN:.+]] = linalg.index 1
// CHECK: %[[BEFORE:.+]] = arith.cmpi sle, %[[OTHER]], %[[OWN]] : index
// CHECK: %[[VALUE:.+]] = arith.select %[[BEFORE]], %[[X]], %[[NEUTRAL]] {torsh.scan = {exclusive = false, reverse = false}} : f32
// CHECK: arith.addf %[[ACC]], %[[VALUE]] : f32
torsh.kernel @scan(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.scan sum, %x {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  torsh.return %0 : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @rank
// CHECK: ^bb0(%[[OWN:.+]]: i32, %[[OTHER:.+]]: i32, %{{.*}}: i64):
// CHECK: arith.cmpi slt, %[[OTHER]], %[[OWN]] {torsh.rank} : i32
// CHECK: arith.extui
// CHECK: arith.addi
torsh.kernel @rank(%x: tensor<4x8xi32>) -> tensor<4x8xi64> {
  %0 = torsh.rank %x {axis = 1 : i64} : (tensor<4x8xi32>) -> tensor<4x8xi64>
  torsh.return %0 : tensor<4x8xi64>
}
