// RUN: torsh-opt %s --torsh-convert-to-linalg --torsh-bufferize-kernels --torsh-lower-ordered --canonicalize --cse | FileCheck %s

// The total is carried along the row; products of floats are made one by one.
// CHECK-LABEL: func.func @scan
// CHECK: scf.for %[[ROW:.+]] = %{{.*}} to %c4
// CHECK: scf.for %[[I:.+]] = %{{.*}} to %c8 {{.*}} iter_args(%[[TOTAL:.+]] = %{{.*}}) -> (f32)
// CHECK: %[[X:.+]] = memref.load %arg0[%[[ROW]], %[[I]]]
// CHECK: %[[NEXT:.+]] = arith.mulf %[[TOTAL]], %[[X]]
// CHECK: memref.store %[[NEXT]], %{{.*}}[%[[ROW]], %[[I]]]
// CHECK: scf.yield %[[NEXT]]
torsh.kernel @scan(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.scan prod, %x {axis = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  torsh.return %0 : tensor<4x8xf32>
}

// Vectors are scanned in registers, from their end; what is left is combined one by one. Nothing
// is filled.
// CHECK-LABEL: func.func @scan_in_vectors
// CHECK-NOT: linalg.fill
// CHECK: %[[VECTORS:.+]] = scf.for %[[I:.+]] = %{{.*}} to %c32 step %c16 iter_args(%[[BEFORE:.+]] = %{{.*}}) -> (vector<16xf32>)
// CHECK: %[[PLACE:.+]] = arith.subi
// CHECK: %[[X:.+]] = vector.load %arg0[%{{.*}}, %[[PLACE]]]
// CHECK: vector.shuffle %{{.*}}, %[[X]] [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 15]
// CHECK-COUNT-4: arith.addf
// CHECK: %[[RESULT:.+]] = arith.addf %[[BEFORE]], %[[SCANNED:.+]] : vector<16xf32>
// CHECK: vector.store %[[RESULT]], %arg1[%{{.*}}, %[[PLACE]]]
// CHECK: vector.shuffle %[[SCANNED]], %[[SCANNED]] [0, 0
// CHECK: %[[TOTAL:.+]] = vector.extract %[[VECTORS]][0]
// CHECK: scf.for %{{.*}} = %c32 to %c37 step %c1 iter_args(%{{.*}} = %[[TOTAL]]) -> (f32)
torsh.kernel @scan_in_vectors(%x: tensor<4x37xf32>) -> tensor<4x37xf32> {
  %0 = torsh.scan sum, %x {axis = 1 : i64, reverse = true} : (tensor<4x37xf32>) -> tensor<4x37xf32>
  torsh.return %0 : tensor<4x37xf32>
}

// Rows are combined with the row before, four at a time.
// CHECK-LABEL: func.func @scan_of_rows
// CHECK: vector.load %arg0[%c0,
// CHECK: scf.for %{{.*}} = %c1 to %c17 step %c4
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
// CHECK: vector.load %arg1
// CHECK-COUNT-4: arith.mulf %{{.*}} : vector<16xf32>
// CHECK: scf.for %{{.*}} = %c32 to %c37 step %c1
// CHECK: scf.for %{{.*}} = %c17 to %c20 step %c1
torsh.kernel @scan_of_rows(%x: tensor<20x37xf32>) -> tensor<20x37xf32> {
  %0 = torsh.scan prod, %x {axis = 0 : i64} : (tensor<20x37xf32>) -> tensor<20x37xf32>
  torsh.return %0 : tensor<20x37xf32>
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

// Long rows are sorted by the digits of their keys, without sign: all are counted first, and those
// that are equal in all elements are passed over.
// CHECK-LABEL: func.func @rank_by_digits
// CHECK-DAG: %[[KEYS:.+]] = memref.alloc() {{.*}} : memref<80xi16>
// CHECK-DAG: %[[COUNTS:.+]] = memref.alloc() {{.*}} : memref<512xindex>
// CHECK: scf.for %[[I:.+]] = %c0 to %c80
// CHECK: %[[X:.+]] = memref.load %arg0[%{{.*}}, %[[I]]]
// CHECK: %[[KEY:.+]] = arith.xori %[[X]], %c-32768_i16
// CHECK: memref.store %[[KEY]], %{{.*}}[%[[I]]]
// CHECK: %[[DIFFERS:.+]] = arith.cmpi ne, %{{.*}}, %c80
// CHECK: %[[TO:.+]] = arith.select %[[DIFFERS]], %{{.*}} : memref<80xi16>
// CHECK: scf.if %[[DIFFERS]]
// CHECK: scf.for %{{.*}} = %c0 to %c256
// CHECK: scf.for %{{.*}} = %c0 to %c80
// CHECK: scf.if
// CHECK: scf.for %{{.*}} = %c256 to %c512
torsh.kernel @rank_by_digits(%x: tensor<4x80xi16>) -> tensor<4x80xi64> {
  %0 = torsh.rank %x {axis = 1 : i64} : (tensor<4x80xi16>) -> tensor<4x80xi64>
  torsh.return %0 : tensor<4x80xi64>
}
