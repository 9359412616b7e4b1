// RUN: torsh-opt %s --split-input-file --torsh-expand-groups | FileCheck %s

#x = affine_map<(g, o, p, c) -> (g, c, p)>
#w = affine_map<(g, o, p, c) -> (g, o, c)>
#y = affine_map<(g, o, p, c) -> (g, o, p)>
#rows = affine_map<(d0, d1) -> (d0)>
#id = affine_map<(d0, d1) -> (d0, d1)>
// What follows the convolution, and the memory of the result, get its axes of groups and outputs.
// CHECK-LABEL: func.func @bias
// CHECK-SAME: %[[X:.+]]: memref<4x8x?xf32>, %[[W:.+]]: memref<4x16x8xf32>, %[[B:.+]]: memref<64xf32>, %[[OUT:.+]]: memref<64x?xf32>
// CHECK: %[[N:.+]] = memref.dim %[[OUT]], %{{.+}}
// CHECK: %[[VIEW:.+]] = memref.expand_shape %[[OUT]] {{\[\[}}0, 1], [2]] output_shape [4, 16, %[[N]]]
// CHECK: %[[SUM:.+]] = linalg.generic {{.+}} attrs = {torsh.contraction}
// CHECK-NOT: tensor.collapse_shape
// CHECK: %[[Y:.+]] = linalg.generic {{.+}}iterator_types = ["parallel", "parallel", "parallel"]} ins(%[[SUM]], %{{.+}} : tensor<4x16x?xf32>, tensor<4x16xf32>)
// CHECK: bufferization.materialize_in_destination %[[Y]] in restrict writable %[[VIEW]]
func.func @bias(%x: memref<4x8x?xf32>, %w: memref<4x16x8xf32>, %b: memref<64xf32>, %out: memref<64x?xf32>) attributes {torsh.kernel} {
  %0 = bufferization.to_tensor %x restrict : memref<4x8x?xf32> to tensor<4x8x?xf32>
  %1 = bufferization.to_tensor %w restrict : memref<4x16x8xf32> to tensor<4x16x8xf32>
  %2 = bufferization.to_tensor %b restrict : memref<64xf32> to tensor<64xf32>
  %two = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %0, %two : tensor<4x8x?xf32>
  %e = tensor.empty(%n) : tensor<4x16x?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x16x?xf32>) -> tensor<4x16x?xf32>
  %3 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<4x8x?xf32>, tensor<4x16x8xf32>) outs(%f : tensor<4x16x?xf32>) attrs = {torsh.contraction} {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x16x?xf32>
  %4 = tensor.collapse_shape %3 [[0, 1], [2]] : tensor<4x16x?xf32> into tensor<64x?xf32>
  %5 = tensor.empty(%n) : tensor<64x?xf32>
  %6 = linalg.generic {indexing_maps = [#id, #rows, #id], iterator_types = ["parallel", "parallel"]} ins(%4, %2 : tensor<64x?xf32>, tensor<64xf32>) outs(%5 : tensor<64x?xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    linalg.yield %s : f32
  } -> tensor<64x?xf32>
  bufferization.materialize_in_destination %6 in restrict writable %out : (tensor<64x?xf32>, memref<64x?xf32>) -> ()
  return
}

// -----

#x = affine_map<(g, o, p, c) -> (g, c, p)>
#w = affine_map<(g, o, p, c) -> (g, o, c)>
#y = affine_map<(g, o, p, c) -> (g, o, p)>
#rows = affine_map<(d0, d1) -> (d0)>
#id = affine_map<(d0, d1) -> (d0, d1)>
// A sum reads the convolution as well: tiles of the result would compute it again.
// CHECK-LABEL: func.func @sum
// CHECK-NOT: expand_shape
// CHECK: tensor.collapse_shape
// CHECK-NOT: expand_shape
func.func @sum(%x: memref<4x8x9xf32>, %w: memref<4x16x8xf32>, %out: memref<64x9xf32>, %sums: memref<64xf32>) attributes {torsh.kernel} {
  %0 = bufferization.to_tensor %x restrict : memref<4x8x9xf32> to tensor<4x8x9xf32>
  %1 = bufferization.to_tensor %w restrict : memref<4x16x8xf32> to tensor<4x16x8xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x16x9xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x16x9xf32>) -> tensor<4x16x9xf32>
  %3 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%0, %1 : tensor<4x8x9xf32>, tensor<4x16x8xf32>) outs(%f : tensor<4x16x9xf32>) attrs = {torsh.contraction} {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  } -> tensor<4x16x9xf32>
  %4 = tensor.collapse_shape %3 [[0, 1], [2]] : tensor<4x16x9xf32> into tensor<64x9xf32>
  %5 = tensor.empty() : tensor<64xf32>
  %6 = linalg.fill ins(%zero : f32) outs(%5 : tensor<64xf32>) -> tensor<64xf32>
  %7 = linalg.generic {indexing_maps = [#id, #rows], iterator_types = ["parallel", "reduction"]} ins(%4 : tensor<64x9xf32>) outs(%6 : tensor<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  } -> tensor<64xf32>
  bufferization.materialize_in_destination %4 in restrict writable %out : (tensor<64x9xf32>, memref<64x9xf32>) -> ()
  bufferization.materialize_in_destination %7 in restrict writable %sums : (tensor<64xf32>, memref<64xf32>) -> ()
  return
}
