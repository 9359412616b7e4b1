// RUN: torsh-opt %s --torsh-lower-ordered | FileCheck %s

// Each tile of a scattered write copies its own part of what is written to.
// CHECK-LABEL: func.func @scatter
// CHECK-NOT: linalg.generic
// CHECK: scf.forall (%[[TILE:.+]]) =
// CHECK: %[[TO:.+]] = memref.subview %arg3[0, %[[TILE]]] [30, 128]
// CHECK: %[[FROM:.+]] = memref.subview %arg0[0, %[[TILE]]] [30, 128]
// CHECK: linalg.generic {{.*}} ins(%[[FROM]] : {{.*}}) outs(%[[TO]] : {{.*}})
// CHECK: scf.for
#map = affine_map<(d0, d1) -> (d0, d1)>
func.func @scatter(%arg0: memref<30x256xf32>, %arg1: memref<82x256xf32>, %arg2: memref<82xindex>, %arg3: memref<30x256xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%arg0 : memref<30x256xf32>) outs(%arg3 : memref<30x256xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  }
  scf.forall (%tile) = (0) to (256) step (128) {
    %updates = memref.subview %arg1[0, %tile] [82, 128] [1, 1] : memref<82x256xf32> to memref<82x128xf32, strided<[256, 1], offset: ?>>
    %result = memref.subview %arg3[0, %tile] [30, 128] [1, 1] : memref<30x256xf32> to memref<30x128xf32, strided<[256, 1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%arg2, %updates : memref<82xindex>, memref<82x128xf32, strided<[256, 1], offset: ?>>) outs(%result : memref<30x128xf32, strided<[256, 1], offset: ?>>) {
    ^bb0(%in: index, %update: f32, %out: f32):
      %own = linalg.index 0 : index
      %here = arith.cmpi eq, %in, %own {torsh.position} : index
      %sum = arith.addf %out, %update : f32
      %next = arith.select %here, %sum, %out {torsh.scatter} : f32
      linalg.yield %next : f32
    }
  }
  return
}
