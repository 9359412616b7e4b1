// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

#in = affine_map<(o, y, x, c, i, j) -> (c, y + i, x + j)>
#filter = affine_map<(o, y, x, c, i, j) -> (o, c, i, j)>
#out = affine_map<(o, y, x, c, i, j) -> (o, y, x)>
#same = affine_map<(c, y, x) -> (c, y, x)>
// A margin of zeros around 8 by 6 is not multiplied. The rows of the window that are in it are not
// looped over, and the first and last columns have bodies without one of the six positions. A
// chunk that has an infinite sum is computed again.
// CHECK-LABEL: func.func @margin
// CHECK: scf.while (%[[SKIPS:.+]] = %
// CHECK: %[[LOW:.+]] = arith.select %[[SKIPS]]
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step {{.*}} iter_args
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step {{.*}} iter_args
// CHECK: scf.if
// CHECK: scf.for %{{.*}} to %c16
// CHECK-COUNT-5: vector.fma
// CHECK-NOT: vector.fma
// CHECK: } else {
// CHECK: scf.if
// CHECK: scf.for %{{.*}} to %c16
// CHECK-COUNT-5: vector.fma
// CHECK-NOT: vector.fma
// CHECK: } else {
// CHECK: scf.for %{{.*}} to %c16
// CHECK-COUNT-6: vector.fma
// CHECK-NOT: vector.fma
// CHECK: arith.maxui
// CHECK: vector.reduction <maxui>
// CHECK: %[[AGAIN:.+]] = arith.andi %[[SKIPS]]
// CHECK: scf.condition(%[[AGAIN]])
// CHECK: scf.yield %false
func.func @margin(%x: memref<16x8x6xf32>, %w: memref<64x16x3x3xf32>, %out: memref<64x8x6xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 16], block = [64, 64, 4096]>} {
  %zero = arith.constant 0.0 : f32
  %image = memref.alloc() : memref<16x10x8xf32>
  linalg.fill ins(%zero : f32) outs(%image : memref<16x10x8xf32>)
  %inside = memref.subview %image[0, 1, 1] [16, 8, 6] [1, 1, 1] : memref<16x10x8xf32> to memref<16x8x6xf32, strided<[80, 8, 1], offset: 9>>
  linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : memref<16x8x6xf32>) outs(%inside : memref<16x8x6xf32, strided<[80, 8, 1], offset: 9>>) {
  ^bb0(%l: f32, %s: f32):
    linalg.yield %l : f32
  }
  linalg.fill ins(%zero : f32) outs(%out : memref<64x8x6xf32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%image, %w : memref<16x10x8xf32>, memref<64x16x3x3xf32>) outs(%out : memref<64x8x6xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  return
}

// A margin of something else is.
// CHECK-LABEL: func.func @ones
// CHECK-NOT: scf.while
// CHECK: return
func.func @ones(%x: memref<16x8x6xf32>, %w: memref<64x16x3x3xf32>, %out: memref<64x8x6xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [6, 16], block = [64, 64, 4096]>} {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %image = memref.alloc() : memref<16x10x8xf32>
  linalg.fill ins(%one : f32) outs(%image : memref<16x10x8xf32>)
  %inside = memref.subview %image[0, 1, 1] [16, 8, 6] [1, 1, 1] : memref<16x10x8xf32> to memref<16x8x6xf32, strided<[80, 8, 1], offset: 9>>
  linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel", "parallel"]} ins(%x : memref<16x8x6xf32>) outs(%inside : memref<16x8x6xf32, strided<[80, 8, 1], offset: 9>>) {
  ^bb0(%l: f32, %s: f32):
    linalg.yield %l : f32
  }
  linalg.fill ins(%zero : f32) outs(%out : memref<64x8x6xf32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]} ins(%image, %w : memref<16x10x8xf32>, memref<64x16x3x3xf32>) outs(%out : memref<64x8x6xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %s: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %s, %p : f32
    linalg.yield %y : f32
  }
  return
}
