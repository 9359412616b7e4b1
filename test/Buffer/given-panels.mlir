// RUN: torsh-opt %s --split-input-file --verify-diagnostics --torsh-lower-contractions --canonicalize --cse | FileCheck %s

// The packing is a parallel loop over panels, and the product reads them from the argument: it
// allocates nothing for them.
// CHECK-LABEL: func.func @pack
// CHECK-SAME: (%[[W:.*]]: memref<200x64xf32>, %[[P:.*]]: memref<14336xf32>)
// CHECK: scf.forall
// CHECK: vector.store %{{.*}}, %[[P]]
func.func @pack(%w: memref<200x64xf32>, %p: memref<14336xf32>) attributes {torsh.kernel} {
  torsh.pack_panels %w, %p {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<200x64xf32>, memref<14336xf32>
  return
}

#schedule = #torsh.schedule<register_tile = [8, 32], block = [48, 128, 64, 1, 3]>
// CHECK-LABEL: func.func @product
// CHECK-SAME: (%{{.*}}: memref<48x64xf32>, %[[P:.*]]: memref<8192xf32>,
// CHECK-NOT: torsh.panels_view
// CHECK: vector.load %[[P]]{{.*}}vector<32xf32>
// CHECK-NOT: linalg.generic
func.func @product(%x: memref<48x64xf32>, %p: memref<8192xf32>, %y: memref<48x100xf32>) attributes {torsh.kernel, torsh.schedule = #schedule} {
  %w = torsh.panels_view %p {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<8192xf32> to memref<100x64xf32>
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<48x64xf32>, memref<100x64xf32>) outs(%y : memref<48x100xf32>) attrs = {torsh.contraction} {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

// A tile of half a panel cannot be read from panels.
#schedule = #torsh.schedule<tile = [0, 16, 0], register_tile = [8, 32], block = [48, 128, 64, 1, 3]>
func.func @split(%x: memref<48x64xf32>, %p: memref<8192xf32>, %y: memref<48x100xf32>) attributes {torsh.kernel, torsh.schedule = #schedule} {
  %w = torsh.panels_view %p {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<8192xf32> to memref<100x64xf32>
  scf.forall (%i) = (0) to (96) step (16) {
    %own = memref.subview %w[%i, 0] [16, 64] [1, 1] : memref<100x64xf32> to memref<16x64xf32, strided<[64, 1], offset: ?>>
    %out = memref.subview %y[0, %i] [48, 16] [1, 1] : memref<48x100xf32> to memref<48x16xf32, strided<[100, 1], offset: ?>>
    // expected-error@+1 {{the schedule has tiles that are no whole panels of operand 1, which is packed 32 at a time}}
    linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %own : memref<48x64xf32>, memref<16x64xf32, strided<[64, 1], offset: ?>>) outs(%out : memref<48x16xf32, strided<[100, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.addf %c, %0 : f32
      linalg.yield %1 : f32
    }
  }
  return
}

// -----

func.func @size(%w: memref<100x64xf32>, %p: memref<6400xf32>) attributes {torsh.kernel} {
  // expected-error@+1 {{needs panels of 8192 elements, got 'memref<6400xf32>'}}
  torsh.pack_panels %w, %p {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<100x64xf32>, memref<6400xf32>
  return
}

// -----

// Filters are read from the argument as well, and those of the next outputs asked for.
// CHECK-LABEL: func.func @filters
// CHECK-SAME: (%{{.*}}: memref<32x18x18xf32>, %[[P:.*]]: memref<18432xf32>,
// CHECK: vector.load %[[P]]{{.*}}vector<32xf32>
// CHECK: memref.prefetch %[[P]]{{.*}}read
// CHECK-NOT: linalg.generic
#schedule = #torsh.schedule<register_tile = [14, 32], block = [64, 64, 2048]>
func.func @filters(%x: memref<32x18x18xf32>, %p: memref<18432xf32>, %y: memref<64x16x16xf32>) attributes {torsh.kernel, torsh.schedule = #schedule} {
  %w = torsh.panels_view %p {rows = array<i64: 0>, depth = array<i64: 1, 2, 3>, width = 32 : i64, block = 288 : i64} : memref<18432xf32> to memref<64x32x3x3xf32>
  linalg.generic {indexing_maps = [affine_map<(o, h, w, c, i, j) -> (c, h + i, w + j)>, affine_map<(o, h, w, c, i, j) -> (o, c, i, j)>, affine_map<(o, h, w, c, i, j) -> (o, h, w)>], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%x, %w : memref<32x18x18xf32>, memref<64x32x3x3xf32>) outs(%y : memref<64x16x16xf32>) attrs = {torsh.contraction} {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %0 = arith.mulf %a, %b : f32
    %1 = arith.addf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}
