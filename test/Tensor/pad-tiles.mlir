// RUN: torsh-opt %s --torsh-tile-kernels --torsh-pad-tiles --canonicalize | FileCheck %s

#in = affine_map<(c, y, k) -> (c, y + k)>
#window = affine_map<(c, y, k) -> (k)>
#out = affine_map<(c, y, k) -> (c, y)>
// A tile of 4 rows reads 6 of the padded operand: those that exist are copied from
// the operand itself, and zeros are written where there are none.
// CHECK-LABEL: func.func @window
// CHECK: %[[X:.+]] = bufferization.to_tensor %arg0
// CHECK-NOT: tensor<8x18xf32>
// CHECK: scf.forall (%[[C:.+]], %[[Y:.+]]) = (0, 0) to (8, 16) step (2, 4)
// CHECK-DAG: %[[FIRST:.+]] = affine.min {{.*}}
// CHECK-DAG: linalg.fill
// CHECK: %[[INSIDE:.+]] = tensor.extract_slice %[[X]][%[[C]], %{{.*}}] [2, %[[COUNT:.+]]] [1, 1]
// CHECK: tensor.insert_slice %[[INSIDE]] into %{{.*}}[0, %{{.*}}] [2, %[[COUNT]]] [1, 1] : tensor<2x?xf32> into tensor<2x6xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<2x6xf32>, tensor<3xf32>)
func.func @window(%a: memref<8x16xf32>, %w: memref<3xf32>, %r: memref<8x16xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [2, 4]>} {
  %x = bufferization.to_tensor %a restrict : memref<8x16xf32> to tensor<8x16xf32>
  %f = bufferization.to_tensor %w restrict : memref<3xf32> to tensor<3xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x18xf32>
  %margin = linalg.fill ins(%zero : f32) outs(%e : tensor<8x18xf32>) -> tensor<8x18xf32>
  %padded = tensor.insert_slice %x into %margin[0, 1] [8, 16] [1, 1] : tensor<8x16xf32> into tensor<8x18xf32>
  %o = tensor.empty() : tensor<8x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%o : tensor<8x16xf32>) -> tensor<8x16xf32>
  %0 = linalg.generic {indexing_maps = [#in, #window, #out], iterator_types = ["parallel", "parallel", "reduction"]} ins(%padded, %f : tensor<8x18xf32>, tensor<3xf32>) outs(%init : tensor<8x16xf32>) {
  ^bb0(%p: f32, %q: f32, %s: f32):
    %m = arith.mulf %p, %q : f32
    %y = arith.addf %s, %m : f32
    linalg.yield %y : f32
  } -> tensor<8x16xf32>
  bufferization.materialize_in_destination %0 in restrict writable %r : (tensor<8x16xf32>, memref<8x16xf32>) -> ()
  return
}
