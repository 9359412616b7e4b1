// RUN: torsh-opt %s --torsh-cpu-find-positions | FileCheck %s

#matrix = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>

// CHECK-LABEL: func.func @largest
// CHECK: %[[BEST:.*]] = linalg.generic
// CHECK: arith.maximumf
// CHECK: linalg.generic {{.*}} ins(%arg0, %[[BEST]] : {{.*}}) outs(%{{.*}} : tensor<4xi32>)
// CHECK: linalg.index 1
// CHECK: arith.cmpf oeq
// CHECK: arith.cmpf uno
// CHECK: arith.minsi
// CHECK: arith.extsi {{.*}} : i32 to i64
// CHECK-NOT: torsh.arg_reduction
// CHECK: return
func.func @largest(%x: tensor<4x100xf32>, %worst: tensor<4xf32>, %zero: tensor<4xi64>) -> tensor<4xi64> attributes {torsh.kernel} {
  %0:2 = linalg.generic {indexing_maps = [#matrix, #row, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x100xf32>) outs(%worst, %zero : tensor<4xf32>, tensor<4xi64>) attrs = {torsh.arg_reduction} {
  ^bb0(%in: f32, %best: f32, %at: i64):
    %better = arith.cmpf ogt, %in, %best : f32
    %i = linalg.index 1 : index
    %j = arith.index_cast %i : index to i64
    %v = arith.select %better, %in, %best : f32
    %p = arith.select %better, %j, %at : i64
    linalg.yield %v, %p : f32, i64
  } -> (tensor<4xf32>, tensor<4xi64>)
  return %0#1 : tensor<4xi64>
}

// Of an unknown extent positions are as wide as they are asked for.
// CHECK-LABEL: func.func @smallest_unsigned
// CHECK: arith.minui
// CHECK: arith.cmpi eq
// CHECK: arith.minsi {{.*}} : i64
// CHECK-NOT: arith.extsi
// CHECK: return
func.func @smallest_unsigned(%x: tensor<4x?xi8>, %worst: tensor<4xi8>, %zero: tensor<4xi64>) -> tensor<4xi64> attributes {torsh.kernel} {
  %0:2 = linalg.generic {indexing_maps = [#matrix, #row, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<4x?xi8>) outs(%worst, %zero : tensor<4xi8>, tensor<4xi64>) attrs = {torsh.arg_reduction} {
  ^bb0(%in: i8, %best: i8, %at: i64):
    %better = arith.cmpi ult, %in, %best : i8
    %i = linalg.index 1 : index
    %j = arith.index_cast %i : index to i64
    %v = arith.select %better, %in, %best : i8
    %p = arith.select %better, %j, %at : i64
    linalg.yield %v, %p : i8, i64
  } -> (tensor<4xi8>, tensor<4xi64>)
  return %0#1 : tensor<4xi64>
}

// Along columns one loop vectorises as it is.
// CHECK-LABEL: func.func @columns
// CHECK: torsh.arg_reduction
func.func @columns(%x: tensor<100x4xf32>, %worst: tensor<4xf32>, %zero: tensor<4xi64>) -> tensor<4xi64> attributes {torsh.kernel} {
  %0:2 = linalg.generic {indexing_maps = [#matrix, #column, #column], iterator_types = ["reduction", "parallel"]} ins(%x : tensor<100x4xf32>) outs(%worst, %zero : tensor<4xf32>, tensor<4xi64>) attrs = {torsh.arg_reduction} {
  ^bb0(%in: f32, %best: f32, %at: i64):
    %better = arith.cmpf ogt, %in, %best : f32
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i64
    %v = arith.select %better, %in, %best : f32
    %p = arith.select %better, %j, %at : i64
    linalg.yield %v, %p : f32, i64
  } -> (tensor<4xf32>, tensor<4xi64>)
  return %0#1 : tensor<4xi64>
}
