// RUN: torsh-opt %s --torsh-parallelize-elementwise | FileCheck %s

#rows = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>

// Two halves of a result, in pieces of rows; a column of them is too short for two threads.
// CHECK-LABEL: func.func @concat
// CHECK: scf.forall (%[[I:.+]]) = (0) to (4096) step (128)
// CHECK: memref.subview %arg0[%[[I]], 0] [128, 256]
// CHECK: scf.forall (%{{.*}}) = (0) to (4096) step (128)
// CHECK-NOT: scf.forall
func.func @concat(%arg0: memref<4096x256xf32>, %arg1: memref<4096x513xf32>) attributes {torsh.kernel} {
  %left = memref.subview %arg1[0, 0] [4096, 256] [1, 1] : memref<4096x513xf32> to memref<4096x256xf32, strided<[513, 1]>>
  linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%arg0 : memref<4096x256xf32>) outs(%left : memref<4096x256xf32, strided<[513, 1]>>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  %right = memref.subview %arg1[0, 256] [4096, 256] [1, 1] : memref<4096x513xf32> to memref<4096x256xf32, strided<[513, 1], offset: 256>>
  linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%arg0 : memref<4096x256xf32>) outs(%right : memref<4096x256xf32, strided<[513, 1], offset: 256>>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  %last = memref.subview %arg1[0, 512] [4096, 1] [1, 1] : memref<4096x513xf32> to memref<4096x1xf32, strided<[513, 1], offset: 512>>
  linalg.generic {indexing_maps = [#rows], iterator_types = ["parallel", "parallel"]} outs(%last : memref<4096x1xf32, strided<[513, 1], offset: 512>>) {
  ^bb0(%out: f32):
    %0 = arith.constant 1.0 : f32
    linalg.yield %0 : f32
  }
  return
}

// The last pieces of '?' extents may be short; what is written to one place is no piece.
// CHECK-LABEL: func.func @open
// CHECK: scf.forall (%[[I:.+]]) = (0) to (%{{.*}}) step (128)
// CHECK: affine.min
// CHECK: scf.forall
// CHECK-NOT: scf.forall
func.func @open(%arg0: memref<?x?xf32>, %arg1: memref<?x?xf32>, %arg2: memref<?xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#rows, #rows], iterator_types = ["parallel", "parallel"]} ins(%arg0 : memref<?x?xf32>) outs(%arg1 : memref<?x?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.negf %in : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#rows], iterator_types = ["parallel", "parallel"]} outs(%arg1 : memref<?x?xf32>) {
  ^bb0(%out: f32):
    %0 = linalg.index 0 : index
    %1 = arith.index_cast %0 : index to i32
    %2 = arith.sitofp %1 : i32 to f32
    linalg.yield %2 : f32
  }
  linalg.generic {indexing_maps = [#rows, #row], iterator_types = ["parallel", "reduction"]} ins(%arg0 : memref<?x?xf32>) outs(%arg2 : memref<?xf32>) {
  ^bb0(%in: f32, %out: f32):
    %0 = arith.addf %in, %out : f32
    linalg.yield %0 : f32
  }
  return
}
