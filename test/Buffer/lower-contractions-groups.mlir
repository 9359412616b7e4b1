// RUN: torsh-opt %s --torsh-lower-contractions --canonicalize | FileCheck %s

// Bytes of which both operands have a sign: the rows get their highest bit flipped, the
// panels of columns begin with their sums times -128, from which the accumulators start.
// CHECK-LABEL: func.func @bytes
// CHECK-DAG: %[[FLIP:.*]] = arith.constant dense<-128> : vector<32xi8>
// CHECK-DAG: %[[FACTOR:.*]] = arith.constant dense<-128> : vector<16xi32>
// CHECK: arith.xori %{{.*}}, %[[FLIP]]
// CHECK: vector.contract {{.*}} : vector<4xi32>, vector<16x4xi32> into vector<16xi32>
// CHECK: arith.muli %{{.*}}, %[[FACTOR]]
// CHECK: %[[SUMS:.*]] = vector.bitcast %{{.*}} : vector<64xi8> to vector<16xi32>
// CHECK: scf.for {{.*}} iter_args(%[[ACC:[a-z0-9]+]] = %[[SUMS]]
// CHECK: %[[ROW:.*]] = vector.load %{{.*}}, vector<4xi8>
// CHECK: %[[WIDE:.*]] = arith.extui %[[ROW]] : vector<4xi8> to vector<4xi32>
// CHECK: vector.contract {{.*}} %[[WIDE]], %{{.*}}, %[[ACC]]
func.func @bytes(%x: memref<64x64xi8>, %w: memref<64x64xi8>, %y: memref<64x64xi32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [8, 16, 4, 1], block = [64, 64, 64, 1, 1]>} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x64xi8>, memref<64x64xi8>) outs(%y : memref<64x64xi32>) attrs = {torsh.contraction} {
  ^bb0(%l: i8, %r: i8, %o: i32):
    %a = arith.extsi %l : i8 to i32
    %b = arith.extsi %r : i8 to i32
    %p = arith.muli %a, %b : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  }
  return
}

// Operands of two types have no groups; they are widened while they are packed.
// CHECK-LABEL: func.func @mixed
// CHECK-NOT: vector.contract
// CHECK-DAG: arith.extui %{{.*}} : vector<16xi8> to vector<16xi32>
func.func @mixed(%x: memref<64x64xi16>, %w: memref<64x64xi8>, %y: memref<64x64xi32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [8, 16, 4, 1], block = [64, 64, 64, 1, 1]>} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x64xi16>, memref<64x64xi8>) outs(%y : memref<64x64xi32>) attrs = {torsh.contraction} {
  ^bb0(%l: i16, %r: i8, %o: i32):
    %a = arith.extsi %l : i16 to i32
    %b = arith.extui %r : i8 to i32
    %p = arith.muli %a, %b : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  }
  return
}

// Bytes in pairs are widened to 16 bits while they are packed, with or without sign, and have one
// from then on.
// CHECK-LABEL: func.func @pairs
// CHECK: arith.extui %{{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: arith.extsi %{{.*}} : vector<16xi8> to vector<16xi16>
// CHECK: %[[ROW:.*]] = vector.load %{{.*}}, vector<2xi16>
// CHECK: %[[WIDE:.*]] = arith.extsi %[[ROW]] : vector<2xi16> to vector<2xi32>
// CHECK: vector.contract {{.*}} %[[WIDE]], %{{.*}} : vector<2xi32>, vector<16x2xi32> into vector<16xi32>
func.func @pairs(%x: memref<64x64xi8>, %w: memref<64x64xi8>, %y: memref<64x64xi32>) attributes {torsh.kernel, torsh.schedule = #torsh.schedule<register_tile = [8, 16, 2, 0], block = [64, 64, 64, 0, 1]>} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<64x64xi8>, memref<64x64xi8>) outs(%y : memref<64x64xi32>) attrs = {torsh.contraction} {
  ^bb0(%l: i8, %r: i8, %o: i32):
    %a = arith.extui %l : i8 to i32
    %b = arith.extsi %r : i8 to i32
    %p = arith.muli %a, %b : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  }
  return
}
