// RUN: torsh-opt %s --torsh-convert-to-linalg --torsh-bufferize-kernels --torsh-lower-ordered --canonicalize --cse | FileCheck %s

// The total is carried along the row.
// CHECK-LABEL: func.func @scan
// CHECK: scf.for %[[ROW:.+]] = %{{.*}} to %c4
// CHECK: scf.for %[[I:.+]] = %{{.*}} to %c8 {{.*}} iter_args(%[[TOTAL:.+]] = %{{.*}}) -> (f32)
// CHECK: %[[X:.+]] = memref.load %arg0[%[[ROW]], %[[I]]]
// CHECK: %[[NEXT:.+]] = arith.addf %[[TOTAL]], %[[X]]
// CHECK: memref.store %[[NEXT]], %{{.*}}[%[[ROW]], %[[I]]]
// CHECK: scf.yield %[[NEXT]]
torsh.kernel @scan(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.scan sum, %x {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  torsh.return %0 : tensor<4x8xf32>
}

// One update after the other; what a row of updates writes is contiguous.
// CHECK-LABEL: func.func @scatter
// CHECK: scf.for %[[U:.+]] = %{{.*}} to %c3
// CHECK: %[[P:.+]] = memref.load %arg2[%[[U]]]
// CHECK: scf.if
// CHECK: scf.for %[[J:.+]] = %{{.*}} to %c8
// CHECK: memref.load %arg1[%[[U]], %[[J]]]
// CHECK: memref.store
torsh.kernel @scatter(%x: tensor<7x8xf32>, %u: tensor<3x8xf32>, %i: tensor<3xi64>) -> tensor<7x8xf32> {
  %0 = torsh.scatter %x, %u at (%i) {axes = array<i64: 0>, reduction = #torsh.scatter_reduction<add>} : (tensor<7x8xf32>, tensor<3x8xf32>, tensor<3xi64>) -> tensor<7x8xf32>
  torsh.return %0 : tensor<7x8xf32>
}

// Positions are merged in runs of twice the length, then inverted.
// CHECK-LABEL: func.func @rank
// CHECK: %[[ORDER:.+]] = memref.alloc
// CHECK: scf.while (%[[WIDTH:.+]] = %{{.*}}) : (index) -> index
// CHECK: arith.cmpi slt, %{{.*}}, %{{.*}} {torsh.rank} : i32
// CHECK: %[[POSITION:.+]] = memref.load %[[ORDER]][%[[PLACE:.+]]] : memref<8xindex>
// CHECK-NEXT: %[[RANK:.+]] = arith.index_cast %[[PLACE]] : index to i64
// CHECK-NEXT: memref.store %[[RANK]], %arg1[%{{.*}}, %[[POSITION]]] : memref<4x8xi64>
torsh.kernel @rank(%x: tensor<4x8xi32>) -> tensor<4x8xi64> {
  %0 = torsh.rank %x {axis = 1 : i64} : (tensor<4x8xi32>) -> tensor<4x8xi64>
  torsh.return %0 : tensor<4x8xi64>
}
