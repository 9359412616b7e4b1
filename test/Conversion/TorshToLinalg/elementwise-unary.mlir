// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// One generic for each operation, whose body the operation builds.
// CHECK: #[[ID:.+]] = affine_map<(d0, d1) -> (d0, d1)>

// CHECK-LABEL: func.func @math
// CHECK: linalg.generic {indexing_maps = [#[[ID]], #[[ID]]], iterator_types = ["parallel", "parallel"]}
// CHECK: %[[NEG:.+]] = arith.negf %{{.*}} : f32
// CHECK: linalg.yield %[[NEG]]
// CHECK: linalg.generic
// CHECK: math.absf %{{.*}} : f32
// CHECK: linalg.generic
// CHECK: math.sqrt
// CHECK: linalg.generic
// CHECK: math.exp %
// CHECK: linalg.generic
// CHECK: math.expm1
// CHECK: linalg.generic
// CHECK: math.log %
// CHECK: linalg.generic
// CHECK: math.log1p
// CHECK: linalg.generic
// CHECK: math.sin %
// CHECK: linalg.generic
// CHECK: math.cos %
// CHECK: linalg.generic
// CHECK: math.tanh
// CHECK: linalg.generic
// CHECK: math.erf
// CHECK: linalg.generic
// CHECK: math.floor
// CHECK: linalg.generic
// CHECK: math.ceil
// CHECK: linalg.generic
// CHECK: math.trunc
// CHECK: linalg.generic
// CHECK: math.roundeven
torsh.kernel @math(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = torsh.neg %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = torsh.abs %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = torsh.sqrt %1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = torsh.exp %2 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = torsh.expm1 %3 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = torsh.log %4 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = torsh.log1p %5 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %7 = torsh.sin %6 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %8 = torsh.cos %7 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %9 = torsh.tanh %8 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %10 = torsh.erf %9 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %11 = torsh.floor %10 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %12 = torsh.ceil %11 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %13 = torsh.trunc %12 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %14 = torsh.round %13 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  torsh.return %14 : tensor<4x8xf32>
}

// The sign keeps a zero's own sign, and NaN.
// CHECK-LABEL: func.func @sign
// CHECK: ^bb0(%[[X:.+]]: f32, %{{.*}}: f32):
// CHECK: %[[NOT_ZERO:.+]] = arith.cmpf une, %[[X]]
// CHECK: arith.select %[[NOT_ZERO]], %[[X]]
// CHECK: arith.cmpf ogt, %[[X]]
// CHECK: arith.cmpf olt, %[[X]]
torsh.kernel @sign(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.sign %x : (tensor<8xf32>) -> tensor<8xf32>
  torsh.return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func @inverses
// CHECK: %[[ROOT:.+]] = math.sqrt
// CHECK: arith.divf %{{.*}}, %[[ROOT]] : f64
// CHECK: linalg.generic
// CHECK: ^bb0(%[[X:.+]]: f64, %{{.*}}: f64):
// CHECK: %[[ONE:.+]] = arith.constant 1.0
// CHECK: arith.divf %[[ONE]], %[[X]] : f64
torsh.kernel @inverses(%x: tensor<8xf64>) -> tensor<8xf64> {
  %0 = torsh.rsqrt %x : (tensor<8xf64>) -> tensor<8xf64>
  %1 = torsh.reciprocal %0 : (tensor<8xf64>) -> tensor<8xf64>
  torsh.return %1 : tensor<8xf64>
}

// CHECK-LABEL: func.func @integers
// CHECK: ^bb0(%[[X:.+]]: i32, %{{.*}}: i32):
// CHECK: arith.subi %{{.*}}, %[[X]] : i32
// CHECK: linalg.generic
// CHECK: %[[NEGATIVE:.+]] = arith.cmpi slt
// CHECK: arith.select %[[NEGATIVE]]
// CHECK: linalg.generic
// CHECK: arith.cmpi sgt
// CHECK: linalg.generic
// CHECK: arith.maxsi
// CHECK: linalg.generic
// CHECK: arith.xori
torsh.kernel @integers(%x: tensor<8xi32>) -> tensor<8xi32> {
  %0 = torsh.neg %x : (tensor<8xi32>) -> tensor<8xi32>
  %1 = torsh.abs %0 : (tensor<8xi32>) -> tensor<8xi32>
  %2 = torsh.sign %1 : (tensor<8xi32>) -> tensor<8xi32>
  %3 = torsh.relu %2 : (tensor<8xi32>) -> tensor<8xi32>
  %4 = torsh.not %3 : (tensor<8xi32>) -> tensor<8xi32>
  torsh.return %4 : tensor<8xi32>
}

// CHECK-LABEL: func.func @isnan
// CHECK: ^bb0(%{{.*}}: f16, %{{.*}}: i1):
// CHECK: %[[X:.+]] = arith.extf
// CHECK: arith.cmpf uno, %[[X]], %[[X]] : f32
torsh.kernel @isnan(%x: tensor<8xf16>) -> tensor<8xi1> {
  %0 = torsh.isnan %x : (tensor<8xf16>) -> tensor<8xi1>
  torsh.return %0 : tensor<8xi1>
}
