// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @contraction
// CHECK: torsh.matmul %{{.*}}, %{{.*}} : (tensor<?x512xf32>, tensor<512x256xf32>) -> tensor<?x256xf32>
// CHECK: torsh.matmul %{{.*}}, %{{.*}} : (tensor<2x1x?x4xbf16>, tensor<3x4x5xbf16>) -> tensor<2x3x?x5xbf16>
// CHECK: torsh.linear %{{.*}}, %{{.*}} : (tensor<8xi32>, tensor<?x8xi32>) -> tensor<?xi32>
// CHECK: torsh.linear %{{.*}}, %{{.*}} bias(%{{.*}}) : (tensor<8xi32>, tensor<?x8xi32>, tensor<?xi32>) -> tensor<?xi32>
// CHECK: torsh.conv %{{.*}}, %{{.*}} bias(%{{.*}}) {dilation = array<i64: 1, 2>, groups = 2 : i64, padding_high = array<i64: 1, 0>, padding_low = array<i64: 1, 2>, stride = array<i64: 2, 1>} : (tensor<?x4x?x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<?x6x?x6xf32>
// CHECK: torsh.conv %{{.*}}, %{{.*}} {dilation = array<i64: 1>, padding_high = array<i64: 0>, padding_low = array<i64: 0>, stride = array<i64: 1>} : (tensor<1x3x16xf64>, tensor<8x3x5xf64>) -> tensor<1x8x12xf64>
func.func @contraction(%x: tensor<?x512xf32>, %w: tensor<512x256xf32>, %b: tensor<2x1x?x4xbf16>, %c: tensor<3x4x5xbf16>, %v: tensor<8xi32>, %m: tensor<?x8xi32>, %n: tensor<?xi32>, %i: tensor<?x4x?x8xf32>, %k: tensor<6x2x3x3xf32>, %o: tensor<6xf32>, %s: tensor<1x3x16xf64>, %t: tensor<8x3x5xf64>) {
  %0 = torsh.matmul %x, %w : (tensor<?x512xf32>, tensor<512x256xf32>) -> tensor<?x256xf32>
  %1 = torsh.matmul %b, %c : (tensor<2x1x?x4xbf16>, tensor<3x4x5xbf16>) -> tensor<2x3x?x5xbf16>
  %2 = torsh.linear %v, %m : (tensor<8xi32>, tensor<?x8xi32>) -> tensor<?xi32>
  %3 = torsh.linear %v, %m bias(%n) : (tensor<8xi32>, tensor<?x8xi32>, tensor<?xi32>) -> tensor<?xi32>
  %4 = torsh.conv %i, %k bias(%o) {dilation = array<i64: 1, 2>, groups = 2 : i64, padding_high = array<i64: 1, 0>, padding_low = array<i64: 1, 2>, stride = array<i64: 2, 1>} : (tensor<?x4x?x8xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<?x6x?x6xf32>
  %5 = torsh.conv %s, %t {dilation = array<i64: 1>, padding_high = array<i64: 0>, padding_low = array<i64: 0>, stride = array<i64: 1>} : (tensor<1x3x16xf64>, tensor<8x3x5xf64>) -> tensor<1x8x12xf64>
  return
}

// Integers may be widened to the type of the result.
// CHECK-LABEL: func.func @widened
func.func @widened(%x: tensor<?x8xui8>, %w: tensor<8x4xi8>, %v: tensor<4x8xi8>, %b: tensor<4xi32>, %image: tensor<1x8x5xi8>, %window: tensor<4x8x3xi16>) -> (tensor<?x4xi32>, tensor<?x4xi32>, tensor<1x4x3xi64>) {
  // CHECK: torsh.matmul %{{.*}}, %{{.*}} {dtype = i32} : (tensor<?x8xui8>, tensor<8x4xi8>) -> tensor<?x4xi32>
  %0 = torsh.matmul %x, %w {dtype = i32} : (tensor<?x8xui8>, tensor<8x4xi8>) -> tensor<?x4xi32>
  // CHECK: torsh.linear %{{.*}}, %{{.*}} bias(%{{.*}}) {dtype = i32} : (tensor<?x8xui8>, tensor<4x8xi8>, tensor<4xi32>) -> tensor<?x4xi32>
  %1 = torsh.linear %x, %v bias(%b) {dtype = i32} : (tensor<?x8xui8>, tensor<4x8xi8>, tensor<4xi32>) -> tensor<?x4xi32>
  // CHECK: torsh.conv {{.*}} dtype = i64
  %2 = torsh.conv %image, %window {stride = array<i64: 1>, padding_low = array<i64: 0>, padding_high = array<i64: 0>, dilation = array<i64: 1>, dtype = i64} : (tensor<1x8x5xi8>, tensor<4x8x3xi16>) -> tensor<1x4x3xi64>
  return %0, %1, %2 : tensor<?x4xi32>, tensor<?x4xi32>, tensor<1x4x3xi64>
}
