// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// A position below zero counts from the end, and what is outside is the nearest element.
// CHECK-LABEL: func.func @gather
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%{{.*}} : tensor<3xi32>) outs(%{{.*}} : tensor<3x8xf32>)
// CHECK: ^bb0(%[[P:.+]]: i32, %{{.*}}: f32):
// CHECK: %[[I:.+]] = arith.index_cast %[[P]] : i32 to index
// CHECK: %[[NEG:.+]] = arith.cmpi slt, %[[I]], %{{.*}} : index
// CHECK: %[[WRAPPED:.+]] = arith.addi %[[I]], %{{.*}} : index
// CHECK: %[[S:.+]] = arith.select %[[NEG]], %[[WRAPPED]], %[[I]] : index
// CHECK: %[[LOW:.+]] = arith.minsi %[[S]]
// CHECK: %[[IN:.+]] = arith.maxsi %[[LOW]]
// CHECK: %[[J:.+]] = linalg.index 1 : index
// CHECK: tensor.extract %{{.*}}[%[[IN]], %[[J]]] : tensor<7x8xf32>
torsh.kernel @gather(%x: tensor<7x8xf32>, %i: tensor<3xi32>) -> tensor<3x8xf32> {
  %0 = torsh.gather %x at (%i) {axes = array<i64: 0>} : (tensor<7x8xf32>, tensor<3xi32>) -> tensor<3x8xf32>
  torsh.return %0 : tensor<3x8xf32>
}

// CHECK-LABEL: func.func @take_along_axis
// CHECK: %[[EXTENT:.+]] = tensor.dim
// CHECK: linalg.generic
// CHECK: arith.subi %[[EXTENT]]
// CHECK: tensor.extract
torsh.kernel @take_along_axis(%x: tensor<4x?xf32>, %i: tensor<4x3xi64>) -> tensor<4x3xf32> {
  %0 = torsh.take_along_axis %x, %i {axis = 1 : i64} : (tensor<4x?xf32>, tensor<4x3xi64>) -> tensor<4x3xf32>
  torsh.return %0 : tensor<4x3xf32>
}

// CHECK-LABEL: func.func @scatter
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK: ^bb0(%[[P:.+]]: i64, %[[UPDATE:.+]]: f32, %[[OLD:.+]]: f32):
// CHECK: %[[HERE:.+]] = arith.cmpi eq, %{{.*}}, %{{.*}} {torsh.position} : index
// CHECK: %[[SUM:.+]] = arith.addf %[[OLD]], %[[UPDATE]]
// CHECK: arith.select %[[HERE]], %[[SUM]], %[[OLD]] {torsh.scatter}
torsh.kernel @scatter(%x: tensor<7x8xf32>, %u: tensor<3x8xf32>, %i: tensor<3xi64>) -> tensor<7x8xf32> {
  %0 = torsh.scatter %x, %u at (%i) {axes = array<i64: 0>, reduction = #torsh.scatter_reduction<add>} : (tensor<7x8xf32>, tensor<3x8xf32>, tensor<3xi64>) -> tensor<7x8xf32>
  torsh.return %0 : tensor<7x8xf32>
}

// CHECK-LABEL: func.func @put_along_axis
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK: torsh.position
// CHECK: torsh.scatter
torsh.kernel @put_along_axis(%x: tensor<4x8xf32>, %i: tensor<4x3xi64>, %u: tensor<4x3xf32>) -> tensor<4x8xf32> {
  %0 = torsh.put_along_axis %x, %i, %u {axis = 1 : i64} : (tensor<4x8xf32>, tensor<4x3xi64>, tensor<4x3xf32>) -> tensor<4x8xf32>
  torsh.return %0 : tensor<4x8xf32>
}
