// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

#in = affine_map<(o, y, x, c, i, j) -> (c, y + i, x + j)>
#filter = affine_map<(o, y, x, c, i, j) -> (o, c, i, j)>
#out = affine_map<(o, y, x, c, i, j) -> (o, y, x)>
// The filters are packed before the loop over tiles, 16 outputs side by side. A register
// tile is 5 positions times 16 outputs: one vector of filters and 5 elements of the input
// for each place of the depth. Meanwhile the lines of the result are asked for. Its sums are
// transposed into rows of the result.
// CHECK-LABEL: func.func @tiles
// CHECK: %[[PACKED:.+]] = memref.alloc() {{.*}} : memref<9216xf32>
// CHECK: vector.shuffle
// CHECK: vector.store {{.*}}, %[[PACKED]]
// CHECK: scf.forall
// CHECK-NOT: linalg
// CHECK: scf.for
// CHECK: memref.prefetch {{.*}}, write, locality<3>, data
// CHECK: %[[FILTER:.+]] = vector.load %[[PACKED]]{{.*}} vector<16xf32>
// CHECK-COUNT-5: vector.fma %{{.*}}, %[[FILTER]], %{{.*}} : vector<16xf32>
// CHECK-NOT: vector.fma %{{.*}}, %[[FILTER]]
// CHECK: vector.shuffle
// CHECK: vector.store
func.func @tiles(%x: memref<16x14x12xf32>, %w: memref<64x16x3x3xf32>, %out: memref<64x12x10xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 16], block = [64, 64, 4096]>} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%o, %t) = (0, 0) to (64, 12) step (32, 6) {
    %image = memref.subview %x[0, %t, 0] [16, 8, 12] [1, 1, 1] : memref<16x14x12xf32> to memref<16x8x12xf32, strided<[168, 12, 1], offset: ?>>
    %filters = memref.subview %w[%o, 0, 0, 0] [32, 16, 3, 3] [1, 1, 1, 1] : memref<64x16x3x3xf32> to memref<32x16x3x3xf32, strided<[144, 9, 3, 1], offset: ?>>
    %tile = memref.subview %out[%o, %t, 0] [32, 6, 10] [1, 1, 1] : memref<64x12x10xf32> to memref<32x6x10xf32, strided<[120, 10, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%tile : memref<32x6x10xf32, strided<[120, 10, 1], offset: ?>>)
    linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%image, %filters : memref<16x8x12xf32, strided<[168, 12, 1], offset: ?>>, memref<32x16x3x3xf32, strided<[144, 9, 3, 1], offset: ?>>) outs(%tile : memref<32x6x10xf32, strided<[120, 10, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%l: f32, %r: f32, %s: f32):
      %p = arith.mulf %l, %r : f32
      %y = arith.addf %s, %p : f32
      linalg.yield %y : f32
    }
  }
  return
}

// Rows of a narrow image share a register tile, outputs past the last one have filters of
// zeros and are not written, and the sums of a depth that is too long are kept from block to
// block. Here each filter is used once: a block of them is packed when its turn comes.
// CHECK-LABEL: func.func @narrow
// CHECK-NOT: linalg
// CHECK: memref.alloc() {{.*}} : memref<512xf32>
// CHECK: scf.for {{.*}} step %c32
// CHECK: vector.shuffle
// CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK: arith.cmpi slt
// CHECK: scf.if
// CHECK: vector.store
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

// A product whose result is contiguous along the left operand: a pointwise convolution. What the
// tile behind reads of the image is asked for.
// CHECK-LABEL: func.func @pointwise
// CHECK-NOT: linalg
// CHECK: %[[PACKED:.+]] = memref.alloc() {{.*}} : memref<512xf32>
// CHECK: memref.prefetch {{.*}}, write, locality<3>, data
// CHECK: memref.prefetch {{.*}}, read, locality<3>, data
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

// What alone reads the sums is computed on their vectors, and they are in no memory: a
// number for each output, and a tensor like the result.
// CHECK-LABEL: func.func @epilogue
// CHECK-NOT: memref.alloc() {{.*}} : memref<32x8xf32>
// CHECK-NOT: linalg
// CHECK: vector.fma
// CHECK: vector.shuffle
// CHECK: %[[BIAS:.+]] = memref.load {{.*}} : memref<{{.*}}xf32, {{.*}}>
// CHECK: vector.broadcast %[[BIAS]] : f32 to vector<16xf32>
// CHECK: vector.maskedload
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK: arith.maximumf {{.*}} : vector<16xf32>
// CHECK: vector.maskedstore
func.func @epilogue(%x: memref<32x8xf32>, %w: memref<32x32xf32>, %bias: memref<32xf32>, %residual: memref<32x8xf32>, %out: memref<32x8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 64]>} {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<32x8xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<32x8xf32>)
  linalg.generic {indexing_maps = [affine_map<(o, x, c) -> (c, x)>, affine_map<(o, x, c) -> (o, c)>, affine_map<(o, x, c) -> (o, x)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<32x8xf32>, memref<32x32xf32>) outs(%sums : memref<32x8xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  linalg.generic {indexing_maps = [affine_map<(o, x) -> (o, x)>, affine_map<(o, x) -> (o)>, affine_map<(o, x) -> (o, x)>, affine_map<(o, x) -> (o, x)>], iterator_types = ["parallel", "parallel"]} ins(%sums, %bias, %residual : memref<32x8xf32>, memref<32xf32>, memref<32x8xf32>) outs(%out : memref<32x8xf32>) {
  ^bb0(%s: f32, %b: f32, %r: f32, %o: f32):
    %1 = arith.addf %s, %b : f32
    %2 = arith.addf %1, %r : f32
    %3 = arith.maximumf %2, %zero : f32
    linalg.yield %3 : f32
  }
  return
}
