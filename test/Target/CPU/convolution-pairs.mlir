// RUN: torsh-opt %s --pass-pipeline="builtin.module(torsh-cpu-pack-fixed-operands{threads=2 vector-bits=512 dot-features=avx512bf16},func.func(torsh-cpu-select-schedules{threads=2 vector-bits=512 dot-features=avx512bf16}))" | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: torsh-opt %s --pass-pipeline="builtin.module(torsh-cpu-pack-fixed-operands{threads=2 vector-bits=512},func.func(torsh-cpu-select-schedules{threads=2 vector-bits=512}))" | FileCheck %s --check-prefixes=CHECK,WIDE

#in = affine_map<(o, y, x, c, i, j) -> (c, y + i, x + j)>
#filter = affine_map<(o, y, x, c, i, j) -> (o, c, i, j)>
#out = affine_map<(o, y, x, c, i, j) -> (o, y, x)>
// Where there are dot products of pairs, filters are pairs of channels for each place of the window.
// CHECK-LABEL: func.func @conv
// PAIRS-SAME: %{{[^:]*}}: memref<32x30x30xbf16>, %[[W:[^:]+]]: memref<18432xbf16>
// WIDE-SAME: %{{[^:]*}}: memref<32x30x30xbf16>, %[[W:[^:]+]]: memref<18432xf32>
// PAIRS-SAME: register_tile = [14, 32, 2, 0]
// WIDE-SAME: register_tile = [14, 32]
// PAIRS: torsh.panels_view %[[W]] {block = 288 : i64, depth = array<i64: 2, 3, 1>, rows = array<i64: 0>, step = 2 : i64, width = 32 : i64}
// WIDE: torsh.panels_view %[[W]] {block = 288 : i64, depth = array<i64: 1, 2, 3>, rows = array<i64: 0>, width = 32 : i64}
func.func @conv(%a: memref<32x30x30xbf16>, %b: memref<64x32x3x3xbf16>, %result: memref<64x28x28xf32>) attributes {torsh.kernel, torsh.num_inputs = 2 : i64} {
  %x = bufferization.to_tensor %a restrict : memref<32x30x30xbf16> to tensor<32x30x30xbf16>
  %w = bufferization.to_tensor %b restrict : memref<64x32x3x3xbf16> to tensor<64x32x3x3xbf16>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64x28x28xf32>
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<64x28x28xf32>) -> tensor<64x28x28xf32>
  %0 = linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : tensor<32x30x30xbf16>, tensor<64x32x3x3xbf16>) outs(%init : tensor<64x28x28xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: bf16, %r: bf16, %s: f32):
    %lw = arith.extf %l : bf16 to f32
    %rw = arith.extf %r : bf16 to f32
    %p = arith.mulf %lw, %rw : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  } -> tensor<64x28x28xf32>
  bufferization.materialize_in_destination %0 in restrict writable %result : (tensor<64x28x28xf32>, memref<64x28x28xf32>) -> ()
  return
}
func.func @main(%x: tensor<32x30x30xbf16>, %w: tensor<64x32x3x3xbf16> {torsh.frozen}) -> tensor<64x28x28xf32> {
  %0 = torsh.launch @conv(%x, %w) : (tensor<32x30x30xbf16>, tensor<64x32x3x3xbf16>) -> tensor<64x28x28xf32>
  return %0 : tensor<64x28x28xf32>
}
