// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

#in = affine_map<(o, y, x, c, i, j) -> (c, y + i, x + j)>
#filter = affine_map<(o, y, x, c, i, j) -> (o, c, i, j)>
#out = affine_map<(o, y, x, c, i, j) -> (o, y, x)>

// A schedule with pairs: a block of widened filters becomes pairs of channels, 16 outputs side by
// side; planes of two channels of the image become one of pairs, of 112 elements in lines of their
// own. Each place of the window and pair of channels is a dot product for each position.
// CHECK-LABEL: func.func @pairs
// CHECK: %[[FILTERS:.+]] = memref.alloc() {{.*}} : memref<4608xbf16>
// CHECK: vector.bitcast %{{.+}} : vector<16xi32> to vector<32xbf16>
// CHECK: vector.store %{{.+}}, %[[FILTERS]]
// CHECK: %[[IMAGE:.+]] = memref.alloc() {{.*}} : memref<1792xbf16>
// CHECK: vector.interleave %{{.+}}, %{{.+}} : vector<32xi16> -> vector<64xi16>
// CHECK: vector.store %{{.+}}, %[[IMAGE]]{{.+}} vector<64xbf16>
// CHECK: %[[F:.+]] = vector.load %[[FILTERS]]{{.+}} vector<32xbf16>
// CHECK: %[[M:.+]] = vector.shape_cast %[[F]] : vector<32xbf16> to vector<16x2xbf16>
// CHECK: vector.load %[[IMAGE]]{{.+}} vector<2xbf16>
// CHECK: vector.contract {{.+}} : vector<2xf32>, vector<16x2xf32> into vector<16xf32>
// CHECK-NOT: vector.fma
func.func @pairs(%x: memref<16x8x12xbf16>, %w: memref<32x16x3x3xbf16>, %out: memref<32x6x10xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 16, 2], block = [64, 64, 4096]>} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<32x6x10xf32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : memref<16x8x12xbf16>, memref<32x16x3x3xbf16>) outs(%out : memref<32x6x10xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: bf16, %r: bf16, %s: f32):
    %lw = arith.extf %l : bf16 to f32
    %rw = arith.extf %r : bf16 to f32
    %p = arith.mulf %lw, %rw : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  return
}

// Without pairs, or with an odd number of channels: all that is read of the image is widened, once.
// CHECK-LABEL: func.func @odd
// CHECK: %[[IMAGE:.+]] = memref.alloc() {{.*}} : memref<1440xf32>
// CHECK: arith.extf %{{.+}} : vector<32xbf16> to vector<32xf32>
// CHECK: vector.store %{{.+}}, %[[IMAGE]]
// CHECK-NOT: vector.contract
// CHECK: memref.load %[[IMAGE]]
// CHECK: vector.fma
func.func @odd(%x: memref<15x8x12xbf16>, %w: memref<32x15x3x3xbf16>, %out: memref<32x6x10xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 16, 2], block = [64, 64, 4096]>} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<32x6x10xf32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : memref<15x8x12xbf16>, memref<32x15x3x3xbf16>) outs(%out : memref<32x6x10xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: bf16, %r: bf16, %s: f32):
    %lw = arith.extf %l : bf16 to f32
    %rw = arith.extf %r : bf16 to f32
    %p = arith.mulf %lw, %rw : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  return
}

// Of every other row, those between are not copied.
// CHECK-LABEL: func.func @strided
// CHECK: %[[IMAGE:.+]] = memref.alloc() {{.*}} : memref<{{[0-9]+}}xf32>
// CHECK: scf.for {{.+}} to %c16
// CHECK: scf.for {{.+}} to %c4
// CHECK: arith.extf %{{.+}} : vector<8xf16> to vector<8xf32>
func.func @strided(%x: memref<16x8x16xf16>, %w: memref<32x16xf16>, %out: memref<32x4x8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 16], block = [64, 64, 4096]>} {
  linalg.generic {indexing_maps = [affine_map<(o, y, x, c) -> (c, y * 2, x * 2)>, affine_map<(o, y, x, c) -> (o, c)>, affine_map<(o, y, x, c) -> (o, y, x)>], iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w : memref<16x8x16xf16>, memref<32x16xf16>) outs(%out : memref<32x4x8xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f16, %r: f16, %s: f32):
    %lw = arith.extf %l : f16 to f32
    %rw = arith.extf %r : f16 to f32
    %p = arith.mulf %lw, %rw : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  return
}
