// RUN: torsh-opt %s --torsh-lower-to-loops --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @fill
// CHECK: scf.for
// CHECK: memref.store
// CHECK-NOT: linalg.
func.func @fill(%out: memref<8xf32>) attributes {torsh.kernel} {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<8xf32>)
  return
}

// The innermost loop is the one along which memory is contiguous: a sum over rows goes along
// the columns. Eight rows are added before the result is read, then one at a time.
// CHECK-LABEL: func.func @sum_of_rows
// CHECK: scf.for %[[ROW:.+]] = %c0 to %c64 step %c8
// CHECK: scf.for %[[COLUMN:.+]] =
// CHECK: %[[RESULT:.+]] = memref.load %arg1[%[[COLUMN]]]
// CHECK-COUNT-8: memref.load %arg0[%{{.+}}, %[[COLUMN]]]
// CHECK-COUNT-7: arith.addf {{.*}} fastmath<reassoc>
// CHECK: arith.addf %[[RESULT]], %{{.+}} fastmath<reassoc>
// CHECK: memref.store %{{.*}}[%[[COLUMN]]]
func.func @sum_of_rows(%a: memref<64x32xf32>, %out: memref<32xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%a : memref<64x32xf32>) outs(%out : memref<32xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %in, %o fastmath<reassoc> : f32
    linalg.yield %y : f32
  }
  return
}

// What is no sum, or may not be added in another order, keeps its order.
// CHECK-LABEL: func.func @largest_of_rows
// CHECK: scf.for %{{.+}} = %c0 to %c64 step %c8
// CHECK: scf.for %[[COLUMN:.+]] =
// CHECK: %[[RESULT:.+]] = memref.load %arg1[%[[COLUMN]]]
// CHECK: %[[FIRST:.+]] = memref.load %arg0
// CHECK: %[[LARGER:.+]] = arith.maximumf %[[RESULT]], %[[FIRST]]
// CHECK: %[[SECOND:.+]] = memref.load %arg0
// CHECK: arith.maximumf %[[LARGER]], %[[SECOND]]
func.func @largest_of_rows(%a: memref<64x32xf32>, %out: memref<32xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%a : memref<64x32xf32>) outs(%out : memref<32xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.maximumf %o, %in : f32
    linalg.yield %y : f32
  }
  return
}

// The rows that are left when there are no eight.
// CHECK-LABEL: func.func @ragged
// CHECK: scf.for {{.*}} to %[[WHOLE:.+]] step %c8
// CHECK: scf.for {{.*}} = %[[WHOLE]] to %{{.+}} step %c1
func.func @ragged(%a: memref<?x32xf32>, %out: memref<32xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%a : memref<?x32xf32>) outs(%out : memref<32xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %in, %o fastmath<reassoc> : f32
    linalg.yield %y : f32
  }
  return
}

// A position depends on the order in which it is looked for.
// CHECK-LABEL: func.func @argmax
// CHECK: scf.for %[[I:.+]] =
// CHECK: scf.for %[[J:.+]] =
// CHECK: memref.load %{{.*}}[%[[J]], %[[I]]]
func.func @argmax(%a: memref<64x32xf32>, %best: memref<32xf32>, %at: memref<32xindex>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d1, d0)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0)>], iterator_types = ["parallel", "reduction"]} ins(%a : memref<64x32xf32>) outs(%best, %at : memref<32xf32>, memref<32xindex>) {
  ^bb0(%in: f32, %o: f32, %p: index):
    %j = linalg.index 1 : index
    %more = arith.cmpf ogt, %in, %o : f32
    %x = arith.select %more, %in, %o : f32
    %y = arith.select %more, %j, %p : index
    linalg.yield %x, %y : f32, index
  }
  return
}

// Functions that are no kernels are left alone.
// CHECK-LABEL: func.func @host
// CHECK: linalg.fill
func.func @host(%out: memref<8xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%out : memref<8xf32>)
  return
}
