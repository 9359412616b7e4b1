// RUN: torsh-opt %s --torsh-convert-to-linalg | FileCheck %s

// CHECK-LABEL: func.func @floats
// CHECK: arith.addf %{{.*}}, %{{.*}} : f32
// CHECK: linalg.generic
// CHECK: arith.subf
// CHECK: linalg.generic
// CHECK: arith.mulf
// CHECK: linalg.generic
// CHECK: arith.divf
// CHECK: linalg.generic
// CHECK: arith.remf
// CHECK: math.floor
// CHECK: linalg.generic
// CHECK: arith.remf
// CHECK: linalg.generic
// CHECK: math.powf
// CHECK: linalg.generic
// CHECK: arith.maximumf
// CHECK: linalg.generic
// CHECK: arith.minimumf
// CHECK: linalg.generic
// CHECK: math.atan2
torsh.kernel @floats(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = torsh.add %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %1 = torsh.sub %0, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = torsh.mul %1, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %3 = torsh.div %2, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = torsh.floor_divide %3, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %5 = torsh.remainder %4, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %6 = torsh.pow %5, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %7 = torsh.maximum %6, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %8 = torsh.minimum %7, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %9 = torsh.atan2 %8, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  torsh.return %9 : tensor<8xf32>
}

// CHECK-LABEL: func.func @integers
// CHECK: arith.addi %{{.*}}, %{{.*}} : i32
// CHECK: linalg.generic
// CHECK: arith.subi
// CHECK: linalg.generic
// CHECK: arith.muli
// CHECK: linalg.generic
// CHECK: arith.maxsi
// CHECK: linalg.generic
// CHECK: arith.minsi
// CHECK: linalg.generic
// CHECK: arith.andi
// CHECK: linalg.generic
// CHECK: arith.ori
// CHECK: linalg.generic
// CHECK: arith.xori
torsh.kernel @integers(%x: tensor<8xi32>, %y: tensor<8xi32>) -> tensor<8xi32> {
  %0 = torsh.add %x, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %1 = torsh.sub %0, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %2 = torsh.mul %1, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %3 = torsh.maximum %2, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %4 = torsh.minimum %3, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %5 = torsh.and %4, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %6 = torsh.or %5, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %7 = torsh.xor %6, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  torsh.return %7 : tensor<8xi32>
}

// The processor traps on a division by zero and on the smallest number divided by
// -1: both divide by 1 instead, and the first gives 0.
// CHECK-LABEL: func.func @integer_division
// CHECK: ^bb0(%[[X:.+]]: i8, %[[Y:.+]]: i8, %{{.*}}: i8):
// CHECK: %[[BY_ZERO:.+]] = arith.cmpi eq, %[[Y]]
// CHECK: %[[SAFE:.+]] = arith.select %{{.*}}, %{{.*}}, %[[Y]]
// CHECK: arith.divsi %[[X]], %[[SAFE]] : i8
// CHECK: %[[RESULT:.+]] = arith.select %[[BY_ZERO]]
// CHECK: linalg.generic
// CHECK: arith.remsi
torsh.kernel @integer_division(%x: tensor<8xi8>, %y: tensor<8xi8>) -> tensor<8xi8> {
  %0 = torsh.floor_divide %x, %y : (tensor<8xi8>, tensor<8xi8>) -> tensor<8xi8>
  %1 = torsh.remainder %0, %y : (tensor<8xi8>, tensor<8xi8>) -> tensor<8xi8>
  torsh.return %1 : tensor<8xi8>
}

// Integer powers multiply squares.
// CHECK-LABEL: func.func @integer_power
// CHECK-NOT: math.
// CHECK: arith.muli
torsh.kernel @integer_power(%x: tensor<8xi16>, %y: tensor<8xi16>) -> tensor<8xi16> {
  %0 = torsh.pow %x, %y : (tensor<8xi16>, tensor<8xi16>) -> tensor<8xi16>
  torsh.return %0 : tensor<8xi16>
}

// CHECK-LABEL: func.func @compare
// CHECK: arith.cmpf oeq, %{{.*}}, %{{.*}} : f32
// CHECK: arith.cmpf une
// CHECK: arith.cmpf olt
// CHECK: arith.cmpf ole
// CHECK: arith.cmpf ogt
// CHECK: arith.cmpf oge
torsh.kernel @compare(%x: tensor<8xf32>, %y: tensor<8xf32>)
    -> (tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>) {
  %0 = torsh.compare eq, %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %1 = torsh.compare ne, %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %2 = torsh.compare lt, %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %3 = torsh.compare le, %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %4 = torsh.compare gt, %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  %5 = torsh.compare ge, %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xi1>
  torsh.return %0, %1, %2, %3, %4, %5 : tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>, tensor<8xi1>
}

// Bools are unsigned: true is more than false.
// CHECK-LABEL: func.func @compare_bools
// CHECK: arith.cmpi ult, %{{.*}}, %{{.*}} : i1
torsh.kernel @compare_bools(%x: tensor<8xi1>, %y: tensor<8xi1>) -> tensor<8xi1> {
  %0 = torsh.compare lt, %x, %y : (tensor<8xi1>, tensor<8xi1>) -> tensor<8xi1>
  torsh.return %0 : tensor<8xi1>
}

// CHECK-LABEL: func.func @select
// CHECK: ^bb0(%[[P:.+]]: i1, %[[X:.+]]: bf16, %[[Y:.+]]: bf16, %{{.*}}: bf16):
// CHECK: arith.select %[[P]], %[[X]], %[[Y]] : bf16
torsh.kernel @select(%p: tensor<8xi1>, %x: tensor<8xbf16>, %y: tensor<8xbf16>) -> tensor<8xbf16> {
  %0 = torsh.select %p, %x, %y : (tensor<8xi1>, tensor<8xbf16>, tensor<8xbf16>) -> tensor<8xbf16>
  torsh.return %0 : tensor<8xbf16>
}

// A distance that is none for the width leaves nothing, or the sign.
// CHECK-LABEL: func.func @shifts
// CHECK: arith.cmpi ult
// CHECK: arith.shli
// CHECK: arith.shrsi
torsh.kernel @shifts(%x: tensor<8xi32>, %y: tensor<8xi32>) -> (tensor<8xi32>, tensor<8xi32>) {
  %0 = torsh.shift_left %x, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  %1 = torsh.shift_right %x, %y : (tensor<8xi32>, tensor<8xi32>) -> tensor<8xi32>
  torsh.return %0, %1 : tensor<8xi32>, tensor<8xi32>
}

// CHECK-LABEL: func.func @bitcast
// CHECK: arith.bitcast %{{.*}} : f32 to i32
torsh.kernel @bitcast(%x: tensor<8xf32>) -> tensor<8xi32> {
  %0 = torsh.bitcast %x to i32 : (tensor<8xf32>) -> tensor<8xi32>
  torsh.return %0 : tensor<8xi32>
}
