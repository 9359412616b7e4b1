// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

// Tiles of queries in parallel, blocks of keys in sequence: scores, weights, sums.
// CHECK-LABEL: func.func @causal
// CHECK: scf.forall (%{{.*}}, %[[ROW:.*]]) = (0, 0) to (12, 1024) step (1, 64)
// CHECK-DAG: memref.alloc() {{.*}} : memref<4096xf32>
// The queries, transposed.
// CHECK: vector.shuffle
// CHECK: scf.for %{{.*}} = %c0 to %{{.*}} step %c64
// On the diagonal the keys that a vector of queries sees, compared with them.
// CHECK: scf.if
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1
// CHECK: arith.maxsi
// CHECK: scf.for {{.*}} step %c12
// CHECK: vector.fma {{.*}} : vector<16xf32>
// CHECK: arith.cmpi sle
// Elsewhere all, and the largest score is found as they are computed.
// CHECK: } else {
// CHECK-NOT: arith.cmpi sle
// CHECK: scf.for {{.*}} step %c6 {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK: vector.fma {{.*}} : vector<16xf32>
// CHECK: arith.shli
// CHECK: vector.fma {{.*}} : vector<16xf32>
// CHECK: arith.divf
func.func @causal(%q: memref<12x1024x64xf32>, %k: memref<12x1024x64xf32>, %v: memref<12x1024x64xf32>, %r: memref<12x1024x64xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [1, 64], register_tile = [6, 4], block = [64, 64], vector = 16>} {
  torsh.streamed_attention %q, %k, %v into %r {
      causal = true, group = 1 : i64, init_axes = array<i64: 0, 1, 2>, key_axes = array<i64: 0, 1, 2>,
      mask_axes = array<i64>, masked_score = 0xFFF0000000000000 : f64, query_axes = array<i64: 0, 1, 2>,
      scale = 0.125, value_axes = array<i64: 0, 1, 2>, zero_masked_rows = false}
      : (memref<12x1024x64xf32>, memref<12x1024x64xf32>, memref<12x1024x64xf32>, memref<12x1024x64xf32>) -> ()
  return
}

// One query of each head: its lanes are features, and nothing is transposed but sums.
// CHECK-LABEL: func.func @decode
// CHECK: scf.forall (%{{.*}}) in (4)
// CHECK-NOT: scf.if
// CHECK: vector.reduction <maxnumf>
// CHECK: vector.reduction <add>
func.func @decode(%q: memref<8x64xf32>, %k: memref<4x?x64xf32>, %v: memref<4x?x64xf32>, %r: memref<8x64xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [1, 16], register_tile = [12, 1], block = [16, 64], vector = 16>} {
  torsh.streamed_attention %q, %k, %v into %r {
      causal = false, group = 2 : i64, init_axes = array<i64: 0, -1, 1>, key_axes = array<i64: 0, 1, 2>,
      mask_axes = array<i64>, masked_score = 0xFFF0000000000000 : f64, query_axes = array<i64: 0, -1, 1>,
      scale = 0.125, value_axes = array<i64: 0, 1, 2>, zero_masked_rows = false}
      : (memref<8x64xf32>, memref<4x?x64xf32>, memref<4x?x64xf32>, memref<8x64xf32>) -> ()
  return
}
