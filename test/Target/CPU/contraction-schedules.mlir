// RUN: torsh-opt %s --torsh-cpu-select-schedules="threads=2 vector-bits=512" | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: torsh-opt %s --torsh-cpu-select-schedules="threads=2 vector-bits=256 level2=262144" | FileCheck %s --check-prefixes=CHECK,AVX2

#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// All rows are in each tile, packed once for all of them; the depth is in one piece where
// a panel of columns is an eighth of the second cache. Six rows are read in place.
// CHECK-LABEL: func.func @square
// AVX512-SAME: torsh.schedule<tile = [0, 128, 0], register_tile = [8, 32], block = [1024, 128, 1024, 2, 1]>
// AVX2-SAME: torsh.schedule<tile = [{{[0-9]+}}, {{[0-9]+}}, 0], register_tile = [6, 16], block = [{{[0-9]+}}, {{[0-9]+}}, 512, 0, {{[12]}}]>
func.func @square(%a: memref<1024x1024xf32>, %b: memref<1024x1024xf32>, %out: memref<1024x1024xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<1024x1024xf32> to tensor<1024x1024xf32>
  %w = bufferization.to_tensor %b restrict : memref<1024x1024xf32> to tensor<1024x1024xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1024x1024xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<1024x1024xf32>, tensor<1024x1024xf32>) outs(%init : tensor<1024x1024xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<1024x1024xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<1024x1024xf32>, memref<1024x1024xf32>) -> ()
  return
}

// Few rows by weights that lie along the depth: the weights are read in place.
// CHECK-LABEL: func.func @few_rows
// AVX512-SAME: torsh.schedule<tile = [0, 96, 0], register_tile = [6, 32], block = [64, 96, 1024, 2, 0]>
// AVX2-SAME: torsh.schedule<tile = [0, 96, 0], register_tile = [6, 16], block = [64, 96, 1024, 2, 0]>
func.func @few_rows(%a: memref<64x1024xf32>, %b: memref<4096x1024xf32>, %out: memref<64x4096xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<64x1024xf32> to tensor<64x1024xf32>
  %w = bufferization.to_tensor %b restrict : memref<4096x1024xf32> to tensor<4096x1024xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64x4096xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<64x4096xf32>) -> tensor<64x4096xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<64x1024xf32>, tensor<4096x1024xf32>) outs(%init : tensor<64x4096xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<64x4096xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<64x4096xf32>, memref<64x4096xf32>) -> ()
  return
}

// Tiles of 160 columns would give one of two threads ten, the other nine and a fifth.
// CHECK-LABEL: func.func @balanced
// AVX512-SAME: torsh.schedule<tile = [0, 128, 0], register_tile = [8, 32], block = [128, 128, 768, 2, 1]>
func.func @balanced(%a: memref<128x768xf32>, %b: memref<768x3072xf32>, %out: memref<128x3072xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<128x768xf32> to tensor<128x768xf32>
  %w = bufferization.to_tensor %b restrict : memref<768x3072xf32> to tensor<768x3072xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<128x3072xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<128x3072xf32>) -> tensor<128x3072xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<128x768xf32>, tensor<768x3072xf32>) outs(%init : tensor<128x3072xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<128x3072xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<128x3072xf32>, memref<128x3072xf32>) -> ()
  return
}
