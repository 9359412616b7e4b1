// RUN: torsh-opt %s --torsh-stream-results | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// A piece is computed in a buffer, then copied: whole lines past the caches, from the first
// boundary of one on, and vectors that overlap them for what is before and behind.
// CHECK-LABEL: func.func @add
// CHECK: %[[BUFFER:.+]] = memref.alloc() {alignment = 64 : i64} : memref<1x512xf32>
// CHECK: scf.for
// CHECK: scf.for {{.*}} step %c512
// CHECK: %[[PART:.+]] = memref.subview %[[BUFFER]]
// CHECK: linalg.generic {{.*}} outs(%[[PART]]
// CHECK: %[[ADDRESS:.+]] = arith.addi
// CHECK: arith.andi %[[ADDRESS]], %c63
// CHECK: scf.if
// CHECK: scf.if
// CHECK: vector.store
// CHECK: scf.for {{.*}} step %c16
// CHECK: vector.load %[[PART]]
// CHECK: vector.store {{.*}} {alignment = 64 : i64, nontemporal = true}
// CHECK: scf.if
// CHECK: vector.store
// CHECK: } else {
// CHECK: memref.store
func.func @add(%a: memref<64x4096xf32>, %out: memref<64x4096xf32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [1, 0], block = [512]>} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<64x4096xf32>) outs(%out : memref<64x4096xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %in, %in : f32
    linalg.yield %y : f32
  }
  return
}

// Rows of a few lines are not worth it, and a result that is read again is best in a cache.
// CHECK-LABEL: func.func @short_rows
// CHECK-NOT: nontemporal
func.func @short_rows(%a: memref<4096x20xf32>, %out: memref<4096x20xf32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [64, 0], block = [512]>} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<4096x20xf32>) outs(%out : memref<4096x20xf32>) {
  ^bb0(%in: f32, %o: f32):
    linalg.yield %in : f32
  }
  return
}
// CHECK-LABEL: func.func @read_again
// CHECK-NOT: nontemporal
func.func @read_again(%a: memref<64x4096xf32>, %out: memref<64x4096xf32>, %other: memref<64x4096xf32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [1, 0], block = [512]>} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<64x4096xf32>) outs(%out : memref<64x4096xf32>) {
  ^bb0(%in: f32, %o: f32):
    linalg.yield %in : f32
  }
  %c0 = arith.constant 0 : index
  %x = memref.load %out[%c0, %c0] : memref<64x4096xf32>
  memref.store %x, %other[%c0, %c0] : memref<64x4096xf32>
  return
}

// No schedule says so.
// CHECK-LABEL: func.func @small
// CHECK-NOT: nontemporal
func.func @small(%a: memref<64x4096xf32>, %out: memref<64x4096xf32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<tile = [1, 0]>} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<64x4096xf32>) outs(%out : memref<64x4096xf32>) {
  ^bb0(%in: f32, %o: f32):
    linalg.yield %in : f32
  }
  return
}
