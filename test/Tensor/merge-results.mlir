// RUN: torsh-opt %s --torsh-merge-results | FileCheck %s

#rows = affine_map<(d0, d1) -> (d0, d1)>
#columns = affine_map<(d0, d1) -> (d1, d0)>

// Two results of the same extents, and the value that both are made of.
// CHECK-LABEL: func.func @siblings
// CHECK: %[[X:.+]] = bufferization.to_tensor %arg0
// CHECK: %[[BOTH:.+]]:2 = linalg.generic {{.*}} ins(%[[X]] : tensor<?x8xf32>) outs(%{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xi1>)
// CHECK: %[[E:.+]] = math.exp
// CHECK: %[[N:.+]] = arith.negf %[[E]]
// CHECK: %[[C:.+]] = arith.cmpf uno, %[[E]], %[[E]]
// CHECK: linalg.yield %[[N]], %[[C]]
// CHECK-NOT: linalg.generic
// CHECK: materialize_in_destination %[[BOTH]]#0 in restrict writable %arg1
// CHECK: materialize_in_destination %[[BOTH]]#1 in restrict writable %arg2
func.func @siblings(%arg0: memref<?x8xf32>, %arg1: memref<?x8xf32>, %arg2: memref<?x8xi1>) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %x = bufferization.to_tensor %arg0 restrict : memref<?x8xf32> to tensor<?x8xf32>
  %m = memref.dim %arg0, %c0 : memref<?x8xf32>
  %e = tensor.empty(%m) : tensor<?x8xf32>
  %0 = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %y = math.exp %in : f32
    linalg.yield %y : f32
  } -> tensor<?x8xf32>
  %1 = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<?x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %arg1 : (tensor<?x8xf32>, memref<?x8xf32>) -> ()
  %b = tensor.empty(%m) : tensor<?x8xi1>
  %2 = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<?x8xf32>) outs(%b : tensor<?x8xi1>) {
  ^bb0(%in: f32, %out: i1):
    %y = arith.cmpf uno, %in, %in : f32
    linalg.yield %y : i1
  } -> tensor<?x8xi1>
  bufferization.materialize_in_destination %2 in restrict writable %arg2 : (tensor<?x8xi1>, memref<?x8xi1>) -> ()
  return
}

// What reads across rows stays apart, and so does what another operation than a result reads.
// CHECK-LABEL: func.func @apart
// CHECK-COUNT-4: linalg.generic
func.func @apart(%arg0: memref<8x8xf32>, %arg1: memref<8x8xf32>, %arg2: memref<8x8xf32>, %arg3: memref<8xf32>, %arg4: memref<8x8xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %arg0 restrict : memref<8x8xf32> to tensor<8x8xf32>
  %e = tensor.empty() : tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#columns, #rows], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<8x8xf32>
  bufferization.materialize_in_destination %0 in restrict writable %arg1 : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  %1 = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %arg2 : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  %s = bufferization.to_tensor %arg3 restrict writable : memref<8xf32> to tensor<8xf32>
  %2 = linalg.generic {indexing_maps = [#rows, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%1 : tensor<8x8xf32>) outs(%s : tensor<8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %y = arith.addf %in, %out : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  bufferization.materialize_in_destination %2 in restrict writable %arg3 : (tensor<8xf32>, memref<8xf32>) -> ()
  %3 = linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%in: f32, %out: f32):
    %y = math.exp %in : f32
    linalg.yield %y : f32
  } -> tensor<8x8xf32>
  bufferization.materialize_in_destination %3 in restrict writable %arg4 : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  return
}
