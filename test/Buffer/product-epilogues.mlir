// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize | FileCheck %s

#mk = affine_map<(m, n, k) -> (m, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
#rc = affine_map<(r, c) -> (r, c)>
#c = affine_map<(r, c) -> (c)>

// What follows a product is computed on its sums in registers, and what is between the two has no memory.
// CHECK-LABEL: func.func @bias
// CHECK-NOT: memref<64x64xf32>{{$}}
// CHECK: %[[SUMS:.+]]:4 = scf.for
// CHECK: scf.yield
// CHECK: %[[BIAS:.+]] = vector.load
// CHECK: arith.addf %[[SUMS]]#0, %[[BIAS]]
// CHECK: vector.store
// CHECK: arith.addf %[[SUMS]]#3, %[[BIAS]]
// CHECK-NOT: linalg.generic
func.func @bias(%x: memref<64x128xf32>, %w: memref<128x64xf32>, %b: memref<64xf32>, %out: memref<64x64xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 128]>} {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x128xf32>, memref<128x64xf32>) outs(%sums : memref<64x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  linalg.generic {indexing_maps = [#rc, #c, #rc], iterator_types = ["parallel", "parallel"]} ins(%sums, %b : memref<64x64xf32>, memref<64xf32>) outs(%out : memref<64x64xf32>) {
  ^bb0(%s: f32, %v: f32, %o: f32):
    %y = arith.addf %s, %v : f32
    linalg.yield %y : f32
  }
  return
}

// Of several blocks of the depth the last one has the epilogue, for which the sums of those before
// are read. Functions are computed in a loop over the rows of the tile.
// CHECK-LABEL: func.func @function
// CHECK: %[[MEMORY:.+]] = memref.alloc() : memref<64x50xf32>
// CHECK: %[[TILE:.+]] = memref.alloc() {{.*}} : memref<64xf32>
// CHECK: scf.for {{.*}} step %c64
// CHECK: %[[SUMS:.+]]:4 = scf.for
// CHECK: vector.store %[[SUMS]]#0, %[[TILE]]
// CHECK: scf.for
// CHECK: vector.load %[[TILE]]
// CHECK: math.tanh {{.*}} : vector<16xf32>
// CHECK: scf.for
// CHECK: vector.maskedload
// CHECK: math.tanh {{.*}} : vector<16xf32>
// CHECK: vector.maskedstore
// CHECK-NOT: linalg.generic
func.func @function(%x: memref<64x128xf32>, %w: memref<128x50xf32>, %out: memref<64x50xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 64]>} {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x50xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x50xf32>)
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x128xf32>, memref<128x50xf32>) outs(%sums : memref<64x50xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  linalg.generic {indexing_maps = [#rc, #rc], iterator_types = ["parallel", "parallel"]} ins(%sums : memref<64x50xf32>) outs(%out : memref<64x50xf32>) {
  ^bb0(%s: f32, %o: f32):
    %y = math.tanh %s : f32
    linalg.yield %y : f32
  }
  return
}

// Booleans are bytes in memory, and bits in vectors: they stay in a loop of their own.
// CHECK-LABEL: func.func @compare
// CHECK: vector.fma
// CHECK: linalg.generic
func.func @compare(%x: memref<64x128xf32>, %w: memref<128x64xf32>, %out: memref<64x64xi1>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [4, 16], block = [64, 64, 128]>} {
  %zero = arith.constant 0.0 : f32
  %sums = memref.alloc() : memref<64x64xf32>
  linalg.fill ins(%zero : f32) outs(%sums : memref<64x64xf32>)
  linalg.generic {indexing_maps = [#mk, #kn, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x128xf32>, memref<128x64xf32>) outs(%sums : memref<64x64xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  linalg.generic {indexing_maps = [#rc, #rc], iterator_types = ["parallel", "parallel"]} ins(%sums : memref<64x64xf32>) outs(%out : memref<64x64xi1>) {
  ^bb0(%s: f32, %o: i1):
    %y = arith.cmpf ogt, %s, %zero : f32
    linalg.yield %y : i1
  }
  return
}
