// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#km = affine_map<(m, n, k) -> (k, m)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Columns are packed into panels, rows that are contiguous along the depth are
// read where they lie; the block of the result stays in registers over the depth.
// CHECK-LABEL: func.func @matmul
// CHECK-NOT: linalg.generic
// CHECK: memref.alloc() {alignment = 64 : i64} : memref<4096xf32>
// CHECK: scf.for {{.*}} step %c64
// CHECK: vector.store %{{.*}} : memref<4096xf32>, vector<16xf32>
// CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK: %[[COLUMNS:.+]] = vector.load %{{.*}} : memref<4096xf32>, vector<16xf32>
// CHECK-COUNT-4: vector.fma %{{.*}}, %[[COLUMNS]], %{{.*}} : vector<16xf32>
// CHECK: scf.yield
func.func @matmul(%x: memref<64x128xf32>, %w: memref<128x64xf32>, %out: memref<64x64xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 64]>} {
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x128xf32>, memref<128x64xf32>) outs(%out : memref<64x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// bf16 is widened where it is packed, so the loop over the depth multiplies f32.
// CHECK-LABEL: func.func @bf16
// CHECK-NOT: linalg.generic
// CHECK: arith.extf %{{.*}} : {{.*}}bf16{{.*}} to {{.*}}f32
// CHECK: vector.fma %{{.*}} : vector<16xf32>
func.func @bf16(%x: memref<128x64xbf16>, %w: memref<128x64xbf16>, %out: memref<64x64xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 64]>} {
  linalg.generic {indexing_maps = [#km, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<128x64xbf16>, memref<128x64xbf16>) outs(%out : memref<64x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: bf16, %r: bf16, %o: f32):
    %lw = arith.extf %l : bf16 to f32
    %rw = arith.extf %r : bf16 to f32
    %p = arith.mulf %lw, %rw : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// A window is a linear address like any other: a convolution needs no im2col.
// CHECK-LABEL: func.func @conv
// CHECK-NOT: linalg.generic
// CHECK: vector.fma
func.func @conv(%x: memref<8x66xf32>, %w: memref<16x8x3xf32>, %out: memref<16x64xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 64]>} {
  linalg.generic {indexing_maps = [affine_map<(o, p, c, k) -> (c, p + k)>, affine_map<(o, p, c, k) -> (o, c, k)>, affine_map<(o, p, c, k) -> (o, p)>], iterator_types = ["parallel", "parallel", "reduction", "reduction"]} ins(%x, %w : memref<8x66xf32>, memref<16x8x3xf32>) outs(%out : memref<16x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// Packing costs more than it saves on a small product, and on one that is none of
// a matrix by a matrix.
// CHECK-LABEL: func.func @small
// CHECK: linalg.generic
// CHECK-LABEL: func.func @matrix_by_vector
// CHECK: linalg.generic
func.func @small(%x: memref<4x8xf32>, %w: memref<8x4xf32>, %out: memref<4x4xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<4x8xf32>, memref<8x4xf32>) outs(%out : memref<4x4xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}
func.func @matrix_by_vector(%x: memref<512x512xf32>, %w: memref<512xf32>, %out: memref<512xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (k)>, affine_map<(m, k) -> (m)>], iterator_types = ["parallel", "reduction"]} ins(%x, %w : memref<512x512xf32>, memref<512xf32>) outs(%out : memref<512xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// With many rows there is room for two panels of columns: while one is multiplied, memory is asked
// for the next one and it is packed part by part. The result's lines and packed rows are asked for
// ahead, too.
// CHECK-LABEL: func.func @columns_ahead
// CHECK: %[[W:.*]] = memref.reinterpret_cast %arg1
// CHECK: %[[OUT:.*]] = memref.reinterpret_cast %arg2
// CHECK: %[[ROWS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<32768xf32>
// CHECK: %[[COLUMNS:.*]] = memref.alloc() {alignment = 64 : i64} : memref<2048xf32>
// CHECK: memref.prefetch %[[W]][%{{.*}}], read, locality<2>, data
// CHECK: memref.prefetch %[[OUT]][%{{.*}}], write, locality<3>, data
// CHECK: scf.for {{.*}} -> (vector<16xf32>
// CHECK: memref.prefetch %[[ROWS]][%{{.*}}], read, locality<3>, data
// CHECK: vector.fma
// CHECK: vector.load %[[W]]
// CHECK: vector.store %{{.*}}, %[[COLUMNS]]
func.func @columns_ahead(%x: memref<512x128xf32>, %w: memref<128x64xf32>, %out: memref<512x64xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [8, 16], block = [512, 64, 64, 1, 1]>} {
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<512x128xf32>, memref<128x64xf32>) outs(%out : memref<512x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}
