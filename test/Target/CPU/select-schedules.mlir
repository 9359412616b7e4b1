// RUN: torsh-opt %s --torsh-cpu-select-schedules="threads=2 vector-bits=512" | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: torsh-opt %s --torsh-cpu-select-schedules="threads=2 vector-bits=256" | FileCheck %s --check-prefixes=CHECK,AVX2

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#swapped = affine_map<(d0, d1) -> (d1, d0)>

// A kernel that is over before another thread has woken up is not tiled.
// CHECK-LABEL: func.func @small
// CHECK-SAME: torsh.schedule = #torsh.schedule<>
func.func @small(%a: memref<8x8xf32>, %out: memref<8x8xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<8x8xf32> to tensor<8x8xf32>
  %e = tensor.empty() : tensor<8x8xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8x8xf32>) outs(%e : tensor<8x8xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8x8xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<8x8xf32>, memref<8x8xf32>) -> ()
  return
}

// Rows that need the whole row's maximum are tiled along the rows alone.
// CHECK-LABEL: func.func @rows
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [{{[1-9][0-9]*}}, 0]>
func.func @rows(%a: memref<512x512xf32>, %out: memref<512x512xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<512x512xf32> to tensor<512x512xf32>
  %low = arith.constant 0xFF800000 : f32
  %s = tensor.empty() : tensor<512xf32>
  %e = tensor.empty() : tensor<512x512xf32>
  %init = linalg.fill ins(%low : f32) outs(%s : tensor<512xf32>) -> tensor<512xf32>
  %0 = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<512x512xf32>) outs(%init : tensor<512xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.maximumf %in, %o : f32
    linalg.yield %y : f32
  } -> tensor<512xf32>
  %1 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %0 : tensor<512x512xf32>, tensor<512xf32>) outs(%e : tensor<512x512xf32>) {
  ^bb0(%in: f32, %max: f32, %o: f32):
    %y = arith.subf %in, %max : f32
    linalg.yield %y : f32
  } -> tensor<512x512xf32>
  bufferization.materialize_in_destination %1 in restrict writable %out : (tensor<512x512xf32>, memref<512x512xf32>) -> ()
  return
}

// Square tiles keep the cache lines of both sides of a transposition.
// CHECK-LABEL: func.func @transpose
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [32, 32]>
func.func @transpose(%a: memref<512x512xf32>, %out: memref<512x512xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<512x512xf32> to tensor<512x512xf32>
  %e = tensor.empty() : tensor<512x512xf32>
  %0 = linalg.generic {indexing_maps = [#swapped, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<512x512xf32>) outs(%e : tensor<512x512xf32>) {
  ^bb0(%in: f32, %o: f32):
    linalg.yield %in : f32
  } -> tensor<512x512xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<512x512xf32>, memref<512x512xf32>) -> ()
  return
}

// A contraction's register tile is two vectors of columns wide.
// CHECK-LABEL: func.func @contraction
// AVX512-SAME: register_tile = [{{[0-9]+}}, 32]
// AVX2-SAME: register_tile = [{{[0-9]+}}, 16]
// CHECK-SAME: block = [
func.func @contraction(%a: memref<512x512xf32>, %out: memref<512x512xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<512x512xf32> to tensor<512x512xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512x512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<512x512xf32>) -> tensor<512x512xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %x : tensor<512x512xf32>, tensor<512x512xf32>) outs(%init : tensor<512x512xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<512x512xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<512x512xf32>, memref<512x512xf32>) -> ()
  return
}

// A tuner's schedule stays.
// CHECK-LABEL: func.func @tuned
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [3, 5]>
func.func @tuned(%out: memref<512x512xf32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [3, 5]>} {
  return
}
