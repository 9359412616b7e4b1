// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize --cse | FileCheck %s

#k = affine_map<(n, k) -> (k)>
#kn = affine_map<(n, k) -> (k, n)>
#nk = affine_map<(n, k) -> (n, k)>
#n = affine_map<(n, k) -> (n)>
#mk = affine_map<(m, n, k) -> (m, k)>
#wide = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>

// Columns last: blocks of 8 of the depth, in each the columns by two vectors, then what is
// left of them under a mask. Nothing is packed.
// CHECK-LABEL: func.func @columns
// CHECK-NOT: memref.alloc
// CHECK: scf.for {{.*}} step %c8
// CHECK: scf.for {{.*}} step %c32
// CHECK: scf.for {{.*}} to %c8 step %c1 {{.*}} -> (vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-2: vector.fma
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
// CHECK-NOT: linalg.generic
func.func @columns(%x: memref<64xf32>, %w: memref<64x131xf32>, %out: memref<131xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<block = [1, 2, 16, 8, 0, 0]>} {
  linalg.generic {indexing_maps = [#k, #kn, #n], iterator_types = ["parallel", "reduction"]} ins(%x, %w : memref<64xf32>, memref<64x131xf32>) outs(%out : memref<131xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r fastmath<contract> : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// The depth is one block and the rows are short: these are read where they lie, and sums begin with
// zeros in registers instead of those that memory was filled with.
// CHECK-LABEL: func.func @one_block
// CHECK-NOT: memref.alloc
// CHECK-NOT: linalg.fill
// CHECK-DAG: %[[ZERO:.+]] = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK: scf.for {{.*}} to %c64 step %c1 iter_args(%{{.+}} = %[[ZERO]], %{{.+}} = %[[ZERO]]
// CHECK: %[[SECOND:.+]] = arith.addi %{{.+}}, %c64 : index
// CHECK: memref.load %{{.+}}[%[[SECOND]]]
// CHECK: scf.yield
// CHECK: vector.store
func.func @one_block(%x: memref<3x64xf32>, %w: memref<64x32xf32>, %out: memref<3x32xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<block = [3, 2, 16, 64, 0, 0]>} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<3x32xf32>)
  linalg.generic {indexing_maps = [#mk, affine_map<(m, n, k) -> (k, n)>, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<3x64xf32>, memref<64x32xf32>) outs(%out : memref<3x32xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r fastmath<contract> : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// Threads share the depth, each with sums of its own, which are added up at the end.
// CHECK-LABEL: func.func @split
// CHECK: %[[SUMS:.+]] = memref.alloc() {{.*}} : memref<512xf32>
// CHECK: scf.forall (%{{.+}}) in (4)
// CHECK: vector.fma
// CHECK: vector.store %{{.*}}, %[[SUMS]]
// CHECK: scf.for
// CHECK-COUNT-4: memref.load %[[SUMS]]
// CHECK: memref.store
func.func @split(%x: memref<64xf32>, %w: memref<64x128xf32>, %out: memref<128xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<block = [1, 2, 16, 8, 0, 4]>} {
  linalg.generic {indexing_maps = [#k, #kn, #n], iterator_types = ["parallel", "reduction"]} ins(%x, %w : memref<64xf32>, memref<64x128xf32>) outs(%out : memref<128xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r fastmath<contract> : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// Depth last, the matrix on the left: four columns' vectors at a time, widened in registers,
// and what is left of the depth under a mask.
// CHECK-LABEL: func.func @depth
// CHECK: scf.for {{.*}} step %c16 {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK: vector.load %{{.*}} vector<16xbf16>
// CHECK: arith.extf %{{.*}} : vector<16xbf16> to vector<16xf32>
// CHECK: vector.maskedload
// CHECK: vector.shuffle
// CHECK: vector.shuffle %{{.*}} [0, 1, 2, 3]
// CHECK: vector.store %{{.*}} vector<4xf32>
// CHECK-NOT: linalg.generic
func.func @depth(%w: memref<128x67xbf16>, %x: memref<67xbf16>, %out: memref<128xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<block = [1, 4, 16, 4096, 0, 0]>} {
  linalg.generic {indexing_maps = [#nk, #k, #n], iterator_types = ["parallel", "reduction"]} ins(%w, %x : memref<128x67xbf16>, memref<67xbf16>) outs(%out : memref<128xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: bf16, %r: bf16, %o: f32):
    %lw = arith.extf %l : bf16 to f32
    %rw = arith.extf %r : bf16 to f32
    %p = arith.mulf %lw, %rw fastmath<contract> : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// The same with columns as far apart as they can be, 32: each is one run through memory, whose
// lines are asked for ahead, and each sum is stored by itself. Two columns are left.
// CHECK-LABEL: func.func @apart
// CHECK-SAME: %[[W:[^:]+]]: memref<130x80xf32>
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c1
// CHECK: scf.for {{.*}} step %c16 {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK: memref.prefetch {{.*}}locality<2>
// CHECK-NOT: vector<4xf32>
// CHECK: memref.store
// CHECK: scf.for {{.*}} step %c16 {{.*}} -> (vector<16xf32>, vector<16xf32>)
// CHECK-NOT: linalg.generic
func.func @apart(%w: memref<130x80xf32>, %x: memref<80xf32>, %out: memref<130xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<block = [1, 4, 16, 4096, 256, 1]>} {
  linalg.generic {indexing_maps = [#nk, #k, #n], iterator_types = ["parallel", "reduction"]} ins(%w, %x : memref<130x80xf32>, memref<80xf32>) outs(%out : memref<130xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r fastmath<contract> : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// A number of rows that is not known: both forms, chosen when the kernel runs.
// CHECK-LABEL: func.func @unknown_rows
// CHECK: arith.cmpi sle, %{{.*}}, %c16
// CHECK: scf.if
// CHECK: vector.shuffle
// CHECK: } else {
// CHECK: vector<32xf32>
// CHECK-NOT: linalg.generic
func.func @unknown_rows(%x: memref<?x64xf32>, %w: memref<128x64xf32>, %out: memref<?x128xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [8, 32], block = [64, 64, 64, 1, 1, 4, 6, 16, 1024, 256, 0]>} {
  linalg.generic {indexing_maps = [#mk, #wide, #mn], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<?x64xf32>, memref<128x64xf32>) outs(%out : memref<?x128xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r fastmath<contract> : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// A matrix whose last axis is not contiguous stays with the other forms.
// CHECK-LABEL: func.func @strided
// CHECK: linalg.generic
func.func @strided(%x: memref<64xf32>, %w: memref<64x128xf32, strided<[512, 2]>>, %out: memref<128xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<block = [1, 2, 16, 8, 0, 0]>} {
  linalg.generic {indexing_maps = [#k, #kn, #n], iterator_types = ["parallel", "reduction"]} ins(%x, %w : memref<64xf32>, memref<64x128xf32, strided<[512, 2]>>) outs(%out : memref<128xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r fastmath<contract> : f32
    %y = arith.addf %o, %p : f32
    linalg.yield %y : f32
  }
  return
}

// A product that has to be rounded before it is added is.
// CHECK-LABEL: func.func @rounded
// CHECK-NOT: vector.fma
// CHECK: arith.mulf %{{.*}} : vector<16xf32>
// CHECK: arith.addf %{{.*}} : vector<16xf32>
func.func @rounded(%x: memref<64xf32>, %w: memref<64x128xf32>, %out: memref<128xf32>)
    attributes {torsh.kernel, torsh.schedule = #torsh.schedule<block = [1, 2, 16, 8, 0, 0]>} {
  linalg.generic {indexing_maps = [#k, #kn, #n], iterator_types = ["parallel", "reduction"]} ins(%x, %w : memref<64xf32>, memref<64x128xf32>) outs(%out : memref<128xf32>) attrs = {torsh.contraction} {
  ^bb0(%l: f32, %r: f32, %o: f32):
    %p = arith.mulf %l, %r : f32
    %y = arith.addf %o, %p fastmath<reassoc> : f32
    linalg.yield %y : f32
  }
  return
}
