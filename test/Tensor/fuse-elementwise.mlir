// RUN: torsh-opt %s --split-input-file --torsh-fuse-elementwise | FileCheck %s

#id = affine_map<(d0) -> (d0)>
// A result with one consumer is computed inside it; its extent is taken from what
// it was computed from.
// CHECK-LABEL: func.func @chain
// CHECK: linalg.generic
// CHECK: %[[EXP:.+]] = math.exp
// CHECK-NEXT: %[[NEG:.+]] = arith.negf %[[EXP]]
// CHECK-NEXT: linalg.yield %[[NEG]]
// CHECK-NOT: linalg.generic
func.func @chain(%a: memref<?xf32>, %out: memref<?xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<?xf32> to tensor<?xf32>
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?xf32>
  %e0 = tensor.empty(%n) : tensor<?xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<?xf32>) outs(%e0 : tensor<?xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = math.exp %in : f32
    linalg.yield %y : f32
  } -> tensor<?xf32>
  %m = tensor.dim %0, %zero : tensor<?xf32>
  %e1 = tensor.empty(%m) : tensor<?xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%0 : tensor<?xf32>) outs(%e1 : tensor<?xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<?xf32>
  bufferization.materialize_in_destination %1 in restrict writable %out : (tensor<?xf32>, memref<?xf32>) -> ()
  return
}

// -----

#id = affine_map<(d0) -> (d0)>
#none = affine_map<(d0) -> ()>
// What costs little is computed for each of its consumers, an exponential is not:
// it stays in memory for both.
// CHECK-LABEL: func.func @two_consumers
// CHECK: linalg.generic
// CHECK: arith.negf
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK-SAME: "reduction"
// CHECK-NOT: math.exp
// CHECK: arith.addf
// CHECK: linalg.generic
// CHECK-NOT: math.exp
// CHECK: arith.divf
// CHECK: return
func.func @two_consumers(%a: memref<8xf32>, %out: memref<8xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<8xf32> to tensor<8xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %s = tensor.empty() : tensor<f32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  %1 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%0 : tensor<8xf32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = math.exp %in : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %2 = linalg.generic {indexing_maps = [#id, #none], iterator_types = ["reduction"]} ins(%1 : tensor<8xf32>) outs(%init : tensor<f32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %in, %o : f32
    linalg.yield %y : f32
  } -> tensor<f32>
  %3 = linalg.generic {indexing_maps = [#id, #none, #id], iterator_types = ["parallel"]} ins(%1, %2 : tensor<8xf32>, tensor<f32>) outs(%e : tensor<8xf32>) {
  ^bb0(%in: f32, %sum: f32, %o: f32):
    %y = arith.divf %in, %sum : f32
    linalg.yield %y : f32
  } -> tensor<8xf32>
  bufferization.materialize_in_destination %3 in restrict writable %out : (tensor<8xf32>, memref<8xf32>) -> ()
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
// A contraction reads its operands many times: they are computed before it.
// CHECK-LABEL: func.func @into_contraction
// CHECK: arith.negf
// CHECK: linalg.generic
// CHECK-SAME: torsh.contraction
// CHECK-NOT: arith.negf
func.func @into_contraction(%a: memref<8x8xf32>, %out: memref<8x8xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<8x8xf32> to tensor<8x8xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%0, %x : tensor<8x8xf32>, tensor<8x8xf32>) outs(%init : tensor<8x8xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<8x8xf32>
  bufferization.materialize_in_destination %1 in restrict writable %out : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  return
}
