// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Rows that several tiles of columns read are packed once, before the tiles, in a
// parallel loop of their own. Each tile packs its own columns. The result was zero, so it
// is overwritten by the first block of the depth and added to by the others.
// CHECK-LABEL: func.func @shared_rows
// CHECK: %[[ROWS:.+]] = memref.alloc() {alignment = 64 : i64} : memref<16384xf32>
// CHECK: scf.forall (%{{.+}}) = (0) to (16) step (4)
// CHECK: vector.shuffle
// CHECK: vector.store %{{.+}}, %[[ROWS]]
// CHECK: scf.forall (%{{.+}}) = (0) to (256) step (64)
// CHECK-NOT: linalg.fill
// CHECK: %[[COLUMNS:.+]] = memref.alloc() {alignment = 64 : i64} : memref<4096xf32>
// CHECK: vector.store %{{.+}}, %[[COLUMNS]]
// CHECK: vector.load %[[COLUMNS]]
// CHECK: memref.load %[[ROWS]]
// CHECK: vector.fma
// CHECK: scf.if
func.func @shared_rows(%x: memref<128x128xf32>, %w: memref<128x256xf32>, %out: memref<128x256xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [0, 64], register_tile = [8, 32], block = [128, 64, 64, 2, 1]>} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%n) = (0) to (256) step (64) {
    %b = memref.subview %w[0, %n] [128, 64] [1, 1] : memref<128x256xf32> to memref<128x64xf32, strided<[256, 1], offset: ?>>
    %o = memref.subview %out[0, %n] [128, 64] [1, 1] : memref<128x256xf32> to memref<128x64xf32, strided<[256, 1], offset: ?>>
    linalg.fill ins(%zero : f32) outs(%o : memref<128x64xf32, strided<[256, 1], offset: ?>>)
    linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %b : memref<128x128xf32>, memref<128x64xf32, strided<[256, 1], offset: ?>>) outs(%o : memref<128x64xf32, strided<[256, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%l: f32, %r: f32, %y: f32):
      %p = arith.mulf %l, %r : f32
      %s = arith.addf %y, %p : f32
      linalg.yield %s : f32
    }
  }
  return
}

// Columns of which a tile takes a range of whole panels can be shared as well; an extent
// that is not known is one of the panels' memory.
// CHECK-LABEL: func.func @shared_columns
// CHECK: %[[PANELS:.+]] = memref.alloc(%{{.+}}) {alignment = 64 : i64} : memref<?xf32>
// CHECK: scf.forall
// CHECK: scf.forall (%{{.+}}, %[[N:.+]]) = (0, 0)
// CHECK: arith.divui %[[N]], %c32
// CHECK: vector.load %[[PANELS]]
func.func @shared_columns(%x: memref<128x128xf32>, %w: memref<128x?xf32>, %out: memref<128x?xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [32, 64], register_tile = [8, 32], block = [32, 64, 128, 1, 2]>} {
  %c1 = arith.constant 1 : index
  %end = memref.dim %w, %c1 : memref<128x?xf32>
  scf.forall (%m, %n) = (0, 0) to (128, %end) step (32, 64) {
    %size = affine.min affine_map<(d0)[s0] -> (s0 - d0, 64)>(%n)[%end]
    %a = memref.subview %x[%m, 0] [32, 128] [1, 1] : memref<128x128xf32> to memref<32x128xf32, strided<[128, 1], offset: ?>>
    %b = memref.subview %w[0, %n] [128, %size] [1, 1] : memref<128x?xf32> to memref<128x?xf32, strided<[?, 1], offset: ?>>
    %o = memref.subview %out[%m, %n] [32, %size] [1, 1] : memref<128x?xf32> to memref<32x?xf32, strided<[?, 1], offset: ?>>
    linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : memref<32x128xf32, strided<[128, 1], offset: ?>>, memref<128x?xf32, strided<[?, 1], offset: ?>>) outs(%o : memref<32x?xf32, strided<[?, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%l: f32, %r: f32, %y: f32):
      %p = arith.mulf %l, %r : f32
      %s = arith.addf %y, %p : f32
      linalg.yield %s : f32
    }
  }
  return
}

// Not what the tiles themselves write before they read it, and not a part that begins
// within a panel: each tile packs those.
// CHECK-LABEL: func.func @own_rows
// CHECK-COUNT-1: scf.forall
// CHECK-NOT: scf.forall
// CHECK-LABEL: func.func @within_panel
// CHECK-COUNT-1: scf.forall
// CHECK-NOT: scf.forall
func.func @own_rows(%x: memref<128x128xf32>, %w: memref<128x256xf32>, %out: memref<128x256xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [0, 64], register_tile = [8, 32], block = [128, 64, 64, 2, 1]>} {
  %one = arith.constant 1.0 : f32
  scf.forall (%m) = (0) to (128) step (64) {
    %a = memref.subview %x[%m, 0] [64, 128] [1, 1] : memref<128x128xf32> to memref<64x128xf32, strided<[128, 1], offset: ?>>
    %o = memref.subview %out[%m, 0] [64, 256] [1, 1] : memref<128x256xf32> to memref<64x256xf32, strided<[256, 1], offset: ?>>
    linalg.fill ins(%one : f32) outs(%a : memref<64x128xf32, strided<[128, 1], offset: ?>>)
    linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %w : memref<64x128xf32, strided<[128, 1], offset: ?>>, memref<128x256xf32>) outs(%o : memref<64x256xf32, strided<[256, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%l: f32, %r: f32, %y: f32):
      %p = arith.mulf %l, %r : f32
      %s = arith.addf %y, %p : f32
      linalg.yield %s : f32
    }
  }
  return
}
func.func @within_panel(%x: memref<128x128xf32>, %w: memref<128x256xf32>, %out: memref<128x256xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [12, 0], register_tile = [8, 32], block = [128, 64, 64, 2, 1]>} {
  scf.forall (%m) = (0) to (120) step (12) {
    %a = memref.subview %x[%m, 0] [12, 128] [1, 1] : memref<128x128xf32> to memref<12x128xf32, strided<[128, 1], offset: ?>>
    %o = memref.subview %out[%m, 0] [12, 256] [1, 1] : memref<128x256xf32> to memref<12x256xf32, strided<[256, 1], offset: ?>>
    linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %w : memref<12x128xf32, strided<[128, 1], offset: ?>>, memref<128x256xf32>) outs(%o : memref<12x256xf32, strided<[256, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%l: f32, %r: f32, %y: f32):
      %p = arith.mulf %l, %r : f32
      %s = arith.addf %y, %p : f32
      linalg.yield %s : f32
    }
  }
  return
}

// Columns that are read where they lie are broadcast: vectors run along the rows, and the
// tile is transposed while it is stored. The two tiles of six columns ask for three each of the next
// six, in turn.
// CHECK-LABEL: func.func @columns_in_place
// CHECK: %[[VECTORS:.+]] = vector.load %{{.+}} : memref<8192xf32>, vector<32xf32>
// CHECK: arith.remui %{{.+}}, %c4
// CHECK: memref.prefetch %{{.+}}[%{{.+}}], read, locality<3>, data : memref<70368744177664xf32
// CHECK: %[[WEIGHT:.+]] = memref.load %{{.+}} : memref<70368744177664xf32, strided<[1]>>
// CHECK: %[[SPLAT:.+]] = vector.broadcast %[[WEIGHT]] : f32 to vector<32xf32>
// CHECK: vector.fma %[[SPLAT]], %[[VECTORS]]
func.func @columns_in_place(%x: memref<64x128xf32>, %w: memref<120x128xf32>, %out: memref<64x120xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 32], block = [64, 96, 128, 2, 0]>} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<64x120xf32>)
  linalg.generic {indexing_maps = [#mk, affine_map<(m, n, k) -> (n, k)>, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x128xf32>, memref<120x128xf32>) outs(%out : memref<64x120xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %y: f32):
    %p = arith.mulf %l, %r : f32
    %s = arith.addf %y, %p : f32
    linalg.yield %s : f32
  }
  return
}

// While the four tiles of a panel of columns are multiplied, they ask memory for a fourth each of the
// panel behind: 8 elements at each depth.
// CHECK-LABEL: func.func @next_columns
// CHECK: %[[PANELS:.+]] = memref.alloc() {alignment = 64 : i64} : memref<32768xf32>
// CHECK: scf.forall (%{{.+}}) = (0) to (8) step (4)
// CHECK: scf.forall (%{{.+}}) = (0) to (128) step (32)
// CHECK: vector.load %[[PANELS]]
// CHECK: arith.divui %{{.+}}, %c4
// CHECK: memref.prefetch %[[PANELS]][%{{.+}}], read, locality<2>, data
// CHECK: vector.fma
func.func @next_columns(%x: memref<128x128xf32>, %w: memref<128x256xf32>, %out: memref<128x256xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [32, 0], register_tile = [8, 32], block = [32, 256, 128, 1, 2]>} {
  scf.forall (%m) = (0) to (128) step (32) {
    %a = memref.subview %x[%m, 0] [32, 128] [1, 1] : memref<128x128xf32> to memref<32x128xf32, strided<[128, 1], offset: ?>>
    %o = memref.subview %out[%m, 0] [32, 256] [1, 1] : memref<128x256xf32> to memref<32x256xf32, strided<[256, 1], offset: ?>>
    linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %w : memref<32x128xf32, strided<[128, 1], offset: ?>>, memref<128x256xf32>) outs(%o : memref<32x256xf32, strided<[256, 1], offset: ?>>) attrs = {torsh.contraction} {
    ^bb0(%l: f32, %r: f32, %y: f32):
      %p = arith.mulf %l, %r : f32
      %s = arith.addf %y, %p : f32
      linalg.yield %s : f32
    }
  }
  return
}
