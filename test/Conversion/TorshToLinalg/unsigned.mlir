// RUN: torsh-opt %s --split-input-file --torsh-convert-to-linalg | FileCheck %s

// Below the dialect integers have no sign; the operation has it.
// CHECK-LABEL: func.func @binary
// CHECK-SAME: (%{{.*}}: memref<8xi8>, %{{.*}}: memref<8xi8>, %{{.*}}: memref<8xi8>)
// CHECK: arith.addi %{{.*}}, %{{.*}} : i8
// CHECK: arith.divui
// CHECK: arith.remui
// CHECK: arith.maxui
// CHECK: arith.minui
// CHECK-NOT: ui8
torsh.kernel @binary(%x: tensor<8xui8>, %y: tensor<8xui8>) -> tensor<8xui8> {
  %0 = torsh.add %x, %y : (tensor<8xui8>, tensor<8xui8>) -> tensor<8xui8>
  %1 = torsh.floor_divide %0, %y : (tensor<8xui8>, tensor<8xui8>) -> tensor<8xui8>
  %2 = torsh.remainder %1, %y : (tensor<8xui8>, tensor<8xui8>) -> tensor<8xui8>
  %3 = torsh.maximum %2, %y : (tensor<8xui8>, tensor<8xui8>) -> tensor<8xui8>
  %4 = torsh.minimum %3, %y : (tensor<8xui8>, tensor<8xui8>) -> tensor<8xui8>
  torsh.return %4 : tensor<8xui8>
}

// -----

// CHECK-LABEL: func.func @compare
// CHECK: arith.cmpi ult
// CHECK: arith.cmpi uge
torsh.kernel @compare(%x: tensor<8xui64>, %y: tensor<8xui64>) -> (tensor<8xi1>, tensor<8xi1>) {
  %0 = torsh.compare lt, %x, %y : (tensor<8xui64>, tensor<8xui64>) -> tensor<8xi1>
  %1 = torsh.compare ge, %x, %y : (tensor<8xui64>, tensor<8xui64>) -> tensor<8xi1>
  torsh.return %0, %1 : tensor<8xi1>, tensor<8xi1>
}

// -----

// What has no sign is its own absolute value and its own relu.
// CHECK-LABEL: func.func @unary
// CHECK-NOT: arith.maxsi
// CHECK-NOT: arith.cmpi slt
// CHECK: return
torsh.kernel @unary(%x: tensor<8xui8>) -> tensor<8xui8> {
  %0 = torsh.abs %x : (tensor<8xui8>) -> tensor<8xui8>
  %1 = torsh.relu %0 : (tensor<8xui8>) -> tensor<8xui8>
  %2 = torsh.sign %1 : (tensor<8xui8>) -> tensor<8xui8>
  torsh.return %2 : tensor<8xui8>
}

// -----

// A float is clamped to the unsigned range before it is converted.
// CHECK-LABEL: func.func @casts
// CHECK: %[[HIGH:.+]] = arith.constant 2.550000e+02 : f32
// CHECK: arith.cmpf ogt, %{{.*}}, %[[HIGH]]
// CHECK: arith.fptoui %{{.*}} : f32 to i8
// CHECK: arith.extui %{{.*}} : i8 to i32
// CHECK: arith.uitofp %{{.*}} : i32 to f32
torsh.kernel @casts(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.cast %x to ui8 : (tensor<8xf32>) -> tensor<8xui8>
  %1 = torsh.cast %0 to i32 : (tensor<8xui8>) -> tensor<8xi32>
  %2 = torsh.cast %1 to ui32 : (tensor<8xi32>) -> tensor<8xui32>
  %3 = torsh.cast %2 to f32 : (tensor<8xui32>) -> tensor<8xf32>
  torsh.return %3 : tensor<8xf32>
}

// -----

// The sign is the operand's: i8 is widened as signed also to an unsigned type.
// CHECK-LABEL: func.func @widening_of_signed
// CHECK: arith.extsi %{{.*}} : i8 to i16
torsh.kernel @widening_of_signed(%x: tensor<8xi8>) -> tensor<8xui16> {
  %0 = torsh.cast %x to ui16 : (tensor<8xi8>) -> tensor<8xui16>
  torsh.return %0 : tensor<8xui16>
}

// -----

// CHECK-LABEL: func.func @reductions
// CHECK: %[[LEAST:.+]] = arith.constant 0 : i16
// CHECK: linalg.fill ins(%[[LEAST]]
// CHECK: arith.maxui
// CHECK: %[[MOST:.+]] = arith.constant -1 : i16
// CHECK: linalg.fill ins(%[[MOST]]
// CHECK: arith.minui
// CHECK: arith.cmpi ugt
// CHECK: arith.cmpi ult
torsh.kernel @reductions(%x: tensor<8xui16>) -> (tensor<ui16>, tensor<ui16>, tensor<i64>, tensor<i64>) {
  %0 = torsh.amax %x {axes = array<i64: 0>} : (tensor<8xui16>) -> tensor<ui16>
  %1 = torsh.amin %x {axes = array<i64: 0>} : (tensor<8xui16>) -> tensor<ui16>
  %2 = torsh.argmax %x {axis = 0} : (tensor<8xui16>) -> tensor<i64>
  %3 = torsh.argmin %x {axis = 0} : (tensor<8xui16>) -> tensor<i64>
  torsh.return %0, %1, %2, %3 : tensor<ui16>, tensor<ui16>, tensor<i64>, tensor<i64>
}

// -----

// CHECK-LABEL: func.func @max_pool
// CHECK: %[[LEAST:.+]] = arith.constant 0 : i8
// CHECK: linalg.fill ins(%[[LEAST]]
// CHECK: arith.maxui
torsh.kernel @max_pool(%x: tensor<1x2x9xui8>) -> tensor<1x2x9xui8> {
  %0 = torsh.max_pool %x {window = array<i64: 3>, stride = array<i64: 1>, padding_low = array<i64: 1>, padding_high = array<i64: 1>, dilation = array<i64: 1>} : (tensor<1x2x9xui8>) -> tensor<1x2x9xui8>
  torsh.return %0 : tensor<1x2x9xui8>
}

// -----

// Constants keep their bits: as splats within a body, as tensors, and as margins.
// CHECK-LABEL: func.func @constants
// CHECK-DAG: arith.constant dense<[-1, 0, -128]> : tensor<3xi8>
// CHECK-DAG: arith.constant -56 : i8
// CHECK: arith.muli
// CHECK: tensor.insert_slice
torsh.kernel @constants(%x: tensor<3xui8>) -> (tensor<3xui8>, tensor<5xui8>) {
  %c = torsh.constant dense<[255, 0, 128]> : tensor<3xui8>
  %s = torsh.constant dense<200> : tensor<ui8>
  %0 = torsh.add %x, %c : (tensor<3xui8>, tensor<3xui8>) -> tensor<3xui8>
  %1 = torsh.mul %0, %s : (tensor<3xui8>, tensor<ui8>) -> tensor<3xui8>
  %2 = torsh.pad %x, %s {low = array<i64: 1>, high = array<i64: 1>} : (tensor<3xui8>, tensor<ui8>) -> tensor<5xui8>
  torsh.return %1, %2 : tensor<3xui8>, tensor<5xui8>
}

// -----

// Products wrap around, whatever the sign; the axes' extents are of no type.
// CHECK-LABEL: func.func @matmul
// CHECK: arith.muli %{{.*}}, %{{.*}} : i32
// CHECK: arith.addi
torsh.kernel @matmul(%x: tensor<?x7xui32>, %y: tensor<7x4xui32>) -> tensor<?x4xui32> {
  %0 = torsh.matmul %x, %y : (tensor<?x7xui32>, tensor<7x4xui32>) -> tensor<?x4xui32>
  torsh.return %0 : tensor<?x4xui32>
}

// -----

// CHECK-LABEL: func.func @philox
// CHECK-SAME: (%{{.*}}: memref<8xi64>, %{{.*}}: memref<i64>, %{{.*}}: memref<8xi64>)
// CHECK: arith.shrui
// CHECK: arith.muli %{{.*}}, %{{.*}} : i64
torsh.kernel @philox(%x: tensor<8xui64>, %key: tensor<ui64>) -> tensor<8xui64> {
  %0 = torsh.philox %x, %key : (tensor<8xui64>, tensor<ui64>) -> tensor<8xui64>
  torsh.return %0 : tensor<8xui64>
}
