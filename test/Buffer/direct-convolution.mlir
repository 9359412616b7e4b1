// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

#in = affine_map<(o, y, x, c, i, j) -> (c, y + i, x + j)>
#filter = affine_map<(o, y, x, c, i, j) -> (o, c, i, j)>
#out = affine_map<(o, y, x, c, i, j) -> (o, y, x)>
// The filters are packed before the loop over tiles, 16 outputs side by side. A register
// tile is 5 positions times 16 outputs: one vector of filters and 5 elements of the input
// for each place of the depth. Its sums are transposed into rows of the result.
// CHECK-LABEL: func.func @tiles
// CHECK: %[[PACKED:.+]] = memref.alloc() {{.*}} : memref<9216xf32>
// CHECK: vector.shuffle
// CHECK: vector.store {{.*}}, %[[PACKED]]
// CHECK: scf.forall
// CHECK-NOT: linalg
// CHECK: scf.for
// CHECK: %[[FILTER:.+]] = vector.load %[[PACKED]]{{.*}} vector<16xf32>
// CHECK-COUNT-5: vector.fma %{{.*}}, %[[FILTER]], %{{.*}} : vector<16xf32>
// CHECK-NOT: vector.fma %{{.*}}, %[[FILTER]]
// CHECK: vector.shuffle
// CHECK: vector.store
func.func @tiles(%x: memref<16x14x12xf32>, %w: memref<64x16x3x3xf32>, %out: memref<64x12x10xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 16], block = [64, 64, 4096]>} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%o) = (0) to (64) step (32) {
    %filters = memref.subview %w[%o, 0, 0, 0] [32, 16, 3, 3] [1, 1, 1, 1] : memref<64x16x3x3xf32> to memref<32x16x3x3xf32, strided<[144, 9, 3, 1], offset: ?>>
    %tile = memref.subview %out[%o, 0, 0] [32, 12, 10] [1, 1, 1] : memref<64x12x10xf32> to memref<32x12x10xf32, strided<[120, 10, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%tile : memref<32x12x10xf32, strided<[120, 10, 1], offset: ?>>)
    linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %filters : memref<16x14x12xf32>, memref<32x16x3x3xf32, strided<[144, 9, 3, 1], offset: ?>>) outs(%tile : memref<32x12x10xf32, strided<[120, 10, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%l: f32, %r: f32, %s: f32):
      %p = arith.mulf %l, %r : f32
      %y = arith.addf %s, %p : f32
      linalg.yield %y : f32
    }
  }
  return
}

// Rows of a narrow image share a register tile, outputs past the last one have filters of
// zeros, and the sums of a depth that is too long are kept from block to block.
// CHECK-LABEL: func.func @narrow
// CHECK-NOT: linalg
// CHECK: scf.for {{.*}} step %c32
// CHECK-COUNT-6: vector.load {{.*}} vector<16xf32>
// CHECK: vector.maskedstore
func.func @narrow(%x: memref<64x4x7xf32>, %w: memref<20x64xf32>, %out: memref<20x4x4xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [8, 16], block = [64, 64, 32]>} {
  linalg.generic {indexing_maps = [affine_map<(o, y, x, c) -> (c, y, x * 2)>, affine_map<(o, y, x, c) -> (o, c)>, affine_map<(o, y, x, c) -> (o, y, x)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x4x7xf32>, memref<20x64xf32>) outs(%out : memref<20x4x4xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  return
}

// A product whose result is contiguous along the left operand: a pointwise convolution.
// CHECK-LABEL: func.func @pointwise
// CHECK-NOT: linalg
// CHECK: %[[PACKED:.+]] = memref.alloc() {{.*}} : memref<1024xf32>
// CHECK: %[[FILTER:.+]] = vector.load %[[PACKED]]{{.*}} vector<16xf32>
// CHECK-COUNT-4: vector.fma %{{.*}}, %[[FILTER]], %{{.*}} : vector<16xf32>
func.func @pointwise(%x: memref<32x8xf32>, %w: memref<32x32xf32>, %out: memref<32x8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 64]>} {
  linalg.generic {indexing_maps = [affine_map<(o, x, c) -> (c, x)>, affine_map<(o, x, c) -> (o, c)>, affine_map<(o, x, c) -> (o, x)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<32x8xf32>, memref<32x32xf32>) outs(%out : memref<32x8xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  return
}
