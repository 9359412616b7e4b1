// RUN: torsh-opt %s --torsh-cpu-select-schedules="threads=2 vector-bits=512" | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: torsh-opt %s --torsh-cpu-select-schedules="threads=2 vector-bits=256" | FileCheck %s --check-prefixes=CHECK,AVX2

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>
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

// Tiles of a transposition are wide enough along both sides to use whole lines.
// CHECK-LABEL: func.func @transpose
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [128, 64]>
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

// What moves more than the last cache holds is written past it, 2 KiB at a time.
// CHECK-LABEL: func.func @large
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [{{[0-9]+}}, 0], block = [512]>
func.func @large(%a: memref<8192x1024xf32>, %out: memref<8192x1024xf32>) attributes {torsh.kernel, torsh.num_inputs = 1 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<8192x1024xf32> to tensor<8192x1024xf32>
  %e = tensor.empty() : tensor<8192x1024xf32>
  %0 = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<8192x1024xf32>) outs(%e : tensor<8192x1024xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  } -> tensor<8192x1024xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<8192x1024xf32>, memref<8192x1024xf32>) -> ()
  return
}

// Sums of columns go along as many of them at a time as the threads have each.
// CHECK-LABEL: func.func @columns
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [0, 2048]>
func.func @columns(%a: memref<8192x4096xf32>, %out: memref<4096xf32>) attributes {torsh.kernel, torsh.num_inputs = 1 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<8192x4096xf32> to tensor<8192x4096xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4096xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<4096xf32>) -> tensor<4096xf32>
  %0 = linalg.generic {indexing_maps = [#id, #column], iterator_types = ["reduction", "parallel"]} ins(%x : tensor<8192x4096xf32>) outs(%init : tensor<4096xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %o, %in : f32
    linalg.yield %y : f32
  } -> tensor<4096xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<4096xf32>, memref<4096xf32>) -> ()
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

// Of a scattered write each update is looked at once: pieces of rows for each thread.
// CHECK-LABEL: func.func @scatter
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [0, 192, 0]>
func.func @scatter(%arg0: memref<30522x768xf32>, %arg1: memref<128x768xf32>, %arg2: memref<128xi64>, %arg3: memref<30522x768xf32>) attributes {torsh.kernel} {
  %0 = bufferization.to_tensor %arg0 restrict : memref<30522x768xf32> to tensor<30522x768xf32>
  %1 = bufferization.to_tensor %arg1 restrict : memref<128x768xf32> to tensor<128x768xf32>
  %2 = bufferization.to_tensor %arg2 restrict : memref<128xi64> to tensor<128xi64>
  %c30522 = arith.constant 30522 : index
  %3 = tensor.empty() : tensor<30522x768xf32>
  %4 = bufferization.materialize_in_destination %0 in %3 : (tensor<30522x768xf32>, tensor<30522x768xf32>) -> tensor<30522x768xf32>
  %5 = linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%2, %1 : tensor<128xi64>, tensor<128x768xf32>) outs(%4 : tensor<30522x768xf32>) {
  ^bb0(%in: i64, %in_0: f32, %out: f32):
    %true = arith.constant true
    %6 = arith.index_cast %in : i64 to index
    %c0 = arith.constant 0 : index
    %7 = arith.cmpi slt, %6, %c0 : index
    %8 = arith.addi %6, %c30522 : index
    %9 = arith.select %7, %8, %6 : index
    %10 = linalg.index 0 : index
    %11 = arith.cmpi eq, %9, %10 {torsh.position} : index
    %12 = arith.addf %out, %in_0 : f32
    %13 = arith.select %11, %12, %out {torsh.scatter} : f32
    linalg.yield %13 : f32
  } -> tensor<30522x768xf32>
  bufferization.materialize_in_destination %5 in restrict writable %arg3 : (tensor<30522x768xf32>, memref<30522x768xf32>) -> ()
  return
}

// A vector by a matrix whose columns come last: the threads share the depth.
// CHECK-LABEL: func.func @vector_by_matrix
// AVX512-SAME: torsh.schedule = #torsh.schedule<{{.*}}block = [1, 2, 16, 8, 0, 4]>
// AVX2-SAME: torsh.schedule = #torsh.schedule<{{.*}}block = [1, 2, 8, 8, 0, 4]>
func.func @vector_by_matrix(%a: memref<512xf32>, %b: memref<512x512xf32>, %out: memref<512xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<512xf32> to tensor<512xf32>
  %w = bufferization.to_tensor %b restrict : memref<512x512xf32> to tensor<512x512xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<512xf32>) -> tensor<512xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(n, k) -> (k)>, affine_map<(n, k) -> (k, n)>, affine_map<(n, k) -> (n)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : tensor<512xf32>, tensor<512x512xf32>) outs(%init : tensor<512xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<512xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<512xf32>, memref<512xf32>) -> ()
  return
}

// Eight rows of a linear layer: the threads share the columns, of which a tile has a
// multiple of what the registers take.
// CHECK-LABEL: func.func @rows_by_weight
// AVX512-SAME: torsh.schedule = #torsh.schedule<tile = [0, 129, 0], {{.*}}block = [8, 3, 16, 512, 6, 0]>
func.func @rows_by_weight(%a: memref<8x512xf32>, %b: memref<512x512xf32>, %out: memref<8x512xf32>) attributes {torsh.kernel} {
  %x = bufferization.to_tensor %a restrict : memref<8x512xf32> to tensor<8x512xf32>
  %w = bufferization.to_tensor %b restrict : memref<512x512xf32> to tensor<512x512xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<8x512xf32>) -> tensor<8x512xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : tensor<8x512xf32>, tensor<512x512xf32>) outs(%init : tensor<8x512xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  } -> tensor<8x512xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<8x512xf32>, memref<8x512xf32>) -> ()
  return
}

// The product of a matrix and a vector, summed: a contraction like any other.
// CHECK-LABEL: func.func @summed_product
// AVX512-SAME: tile = [{{[0-9]+}}, 0], {{.*}}block = [1, 8, 16, 4096, 256, 1]
// CHECK: torsh.contraction
func.func @summed_product(%a: memref<512x512xf32>, %b: memref<512xf32>, %out: memref<512xf32>) attributes {torsh.kernel} {
  %w = bufferization.to_tensor %a restrict : memref<512x512xf32> to tensor<512x512xf32>
  %x = bufferization.to_tensor %b restrict : memref<512xf32> to tensor<512xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<512xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<512xf32>) -> tensor<512xf32>
  %0 = linalg.generic {indexing_maps = [#id, affine_map<(d0, d1) -> (d1)>, #row], iterator_types = ["parallel", "reduction"]} ins(%w, %x : tensor<512x512xf32>, tensor<512xf32>) outs(%init : tensor<512xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p fastmath<reassoc> : f32
    linalg.yield %y : f32
  } -> tensor<512xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<512xf32>, memref<512xf32>) -> ()
  return
}

// Few elements of much work each are shared by the threads, 64 at a time.
// CHECK-LABEL: func.func @few_but_long
// CHECK-SAME: torsh.schedule = #torsh.schedule<tile = [64]>
func.func @few_but_long(%a: memref<256xf32>, %out: memref<256xf32>) attributes {torsh.kernel, torsh.num_inputs = 1 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<256xf32> to tensor<256xf32>
  %e = tensor.empty() : tensor<256xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]} ins(%x : tensor<256xf32>) outs(%e : tensor<256xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y0 = math.tanh %in : f32
    %y1 = math.tanh %y0 : f32
    %y2 = math.tanh %y1 : f32
    %y3 = math.tanh %y2 : f32
    %y4 = math.tanh %y3 : f32
    %y5 = math.tanh %y4 : f32
    %y6 = math.tanh %y5 : f32
    %y7 = math.tanh %y6 : f32
    %y8 = math.tanh %y7 : f32
    %y9 = math.tanh %y8 : f32
    %y10 = math.tanh %y9 : f32
    %y11 = math.tanh %y10 : f32
    %y12 = math.tanh %y11 : f32
    %y13 = math.tanh %y12 : f32
    %y14 = math.tanh %y13 : f32
    %y15 = math.tanh %y14 : f32
    %y16 = math.tanh %y15 : f32
    %y17 = math.tanh %y16 : f32
    %y18 = math.tanh %y17 : f32
    %y19 = math.tanh %y18 : f32
    %y20 = math.tanh %y19 : f32
    %y21 = math.tanh %y20 : f32
    %y22 = math.tanh %y21 : f32
    %y23 = math.tanh %y22 : f32
    %y24 = math.tanh %y23 : f32
    %y25 = math.tanh %y24 : f32
    %y26 = math.tanh %y25 : f32
    linalg.yield %y26 : f32
  } -> tensor<256xf32>
  bufferization.materialize_in_destination %0 in restrict writable %out : (tensor<256xf32>, memref<256xf32>) -> ()
  return
}
