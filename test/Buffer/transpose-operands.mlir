// RUN: torsh-opt %s --torsh-transpose-operands="vector-bits=512" | FileCheck %s --check-prefixes=CHECK,AVX512
// RUN: torsh-opt %s --torsh-transpose-operands="vector-bits=256" | FileCheck %s --check-prefixes=CHECK,AVX2

#id = affine_map<(d0, d1) -> (d0, d1)>
#swapped = affine_map<(d0, d1) -> (d1, d0)>

// Squares of whole vectors are transposed in registers; the operation reads the copy in order.
// CHECK-LABEL: func.func @add
// CHECK: %[[COPY:.+]] = memref.alloc() {{.*}} : memref<128x64xf32>
// CHECK: %[[VIEW:.+]] = memref.subview %[[COPY]]
// CHECK: scf.if
// AVX512-COUNT-16: vector.load %arg0{{.*}} vector<16xf32>
// AVX512-COUNT-64: vector.shuffle
// AVX512-COUNT-16: vector.store %{{.*}}, %[[VIEW]]
// AVX2-COUNT-8: vector.load %arg0{{.*}} vector<8xf32>
// AVX2-COUNT-24: vector.shuffle
// AVX2-COUNT-8: vector.store %{{.*}}, %[[VIEW]]
// CHECK: } else {
// CHECK: memref.load %arg0
// CHECK: linalg.generic {indexing_maps = [#[[ID:.+]], #[[ID]]]
// CHECK-SAME: ins(%[[VIEW]]
func.func @add(%a: memref<64x128xf32>, %out: memref<128x64xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#swapped, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<64x128xf32>) outs(%out : memref<128x64xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.addf %in, %in : f32
    linalg.yield %y : f32
  }
  return
}

// A copy without a bound, or as large as a matrix, would be no tile.
// CHECK-LABEL: func.func @unbounded
// CHECK-NOT: memref.alloc
func.func @unbounded(%a: memref<?x128xf32>, %out: memref<128x?xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#swapped, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<?x128xf32>) outs(%out : memref<128x?xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  }
  return
}
// CHECK-LABEL: func.func @large
// CHECK-NOT: memref.alloc
func.func @large(%a: memref<1024x1024xf32>, %out: memref<1024x1024xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#swapped, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<1024x1024xf32>) outs(%out : memref<1024x1024xf32>) {
  ^bb0(%in: f32, %o: f32):
    %y = arith.negf %in : f32
    linalg.yield %y : f32
  }
  return
}

// Where there is nothing else to do, the result is written at once.
// CHECK-LABEL: func.func @permute
// CHECK-NOT: memref.alloc
// CHECK: vector.store %{{.*}}, %arg1
// CHECK: } else {
// CHECK: memref.store %{{.*}}, %arg1
// CHECK-NOT: linalg.generic
func.func @permute(%a: memref<1024x?xf32>, %out: memref<?x1024xf32>) attributes {torsh.kernel} {
  linalg.generic {indexing_maps = [#swapped, #id], iterator_types = ["parallel", "parallel"]} ins(%a : memref<1024x?xf32>) outs(%out : memref<?x1024xf32>) {
  ^bb0(%in: f32, %o: f32):
    linalg.yield %in : f32
  }
  return
}
