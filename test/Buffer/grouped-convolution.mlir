// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

#in = affine_map<(g, y, x, i, j) -> (g, y + i, x + j)>
#filter = affine_map<(g, y, x, i, j) -> (g, i, j)>
#out = affine_map<(g, y, x, i, j) -> (g, y, x)>
// Two rows of a vector each, whose windows overlap: twelve vectors are read, not eighteen.
// The sums start from the value that filled the result, which is not filled any more.
// The rest of the width, 3 of 19, is a vector of 4 with a mask.
// CHECK-LABEL: func.func @depthwise
// CHECK-NOT: linalg
// CHECK: scf.for {{.*}} to %c8
// CHECK: scf.for {{.*}} step %c2
// CHECK: scf.for {{.*}} step %c8
// CHECK-COUNT-12: vector.load {{.*}} vector<8xf32>
// CHECK-NOT: vector.load
// CHECK-COUNT-2: vector.store {{.*}} vector<8xf32>
// CHECK-COUNT-12: vector.maskedload {{.*}} vector<4xf32>
// CHECK-COUNT-2: vector.maskedstore {{.*}} vector<4xf32>
func.func @depthwise(%x: memref<8x8x21xf32>, %w: memref<8x3x3xf32>, %out: memref<8x6x19xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [2, 8]>} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<8x6x19xf32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%x, %w : memref<8x8x21xf32>, memref<8x3x3xf32>) outs(%out : memref<8x6x19xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// Every other element, of vectors that end where the window does.
// CHECK-LABEL: func.func @strided
// CHECK-NOT: linalg
// CHECK: vector.load {{.*}} vector<8xf32>
// CHECK: %[[LOW:.+]] = vector.load {{.*}} vector<8xf32>
// CHECK: %[[HIGH:.+]] = vector.load {{.*}} vector<8xf32>
// CHECK: vector.shuffle %[[LOW]], %[[HIGH]] [0, 2, 4, 6, 9, 11, 13, 15]
func.func @strided(%x: memref<8x17xf32>, %w: memref<8x3xf32>, %out: memref<8x8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [1, 8]>} {
  linalg.generic {indexing_maps = [affine_map<(g, x, j) -> (g, x * 2 + j)>, affine_map<(g, x, j) -> (g, j)>, affine_map<(g, x, j) -> (g, x)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<8x17xf32>, memref<8x3xf32>) outs(%out : memref<8x8xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// A pool has no factors.
// CHECK-LABEL: func.func @pool
// CHECK-NOT: linalg
// CHECK: %[[FIRST:.+]] = vector.load {{.*}} vector<8xf32>
// CHECK: %[[SECOND:.+]] = vector.load {{.*}} vector<8xf32>
// CHECK: arith.maximumf %[[FIRST]], %[[SECOND]] : vector<8xf32>
// CHECK-NOT: vector.fma
func.func @pool(%x: memref<8x10xf32>, %window: memref<3xf32>, %out: memref<8x8xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [1, 8]>} {
  %low = arith.constant 0xFF800000 : f32
  linalg.fill ins(%low : f32) outs(%out : memref<8x8xf32>)
  linalg.generic {indexing_maps = [affine_map<(c, x, j) -> (c, x + j)>, affine_map<(c, x, j) -> (j)>, affine_map<(c, x, j) -> (c, x)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %window : memref<8x10xf32>, memref<3xf32>) outs(%out : memref<8x8xf32>) {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %y = arith.maximumf %o, %l : f32
    linalg.yield %y : f32
  }
  return
}
