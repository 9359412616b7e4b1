// RUN: torsh-opt %s -split-input-file -torsh-merge-sibling-products | FileCheck %s
// RUN: torsh-opt %s -split-input-file -torsh-merge-sibling-products=strategy=conservative \
// RUN:   | FileCheck %s --check-prefix=OFF

// OFF-NOT: torsh.concat

// CHECK-LABEL: func @heads
// CHECK-SAME: %[[X:.*]]: tensor<1x16x128xf32>, %[[A:[^:]*]]: tensor<128x128xf32> {torsh.frozen}, %[[B:[^:]*]]: tensor<64x128xf32>
// CHECK: %[[W:.*]] = torsh.concat %[[A]], %[[B]], %{{.*}} {axis = 0 : i64}
// CHECK: %[[BIAS:.*]] = torsh.concat %{{.*}} {axis = 0 : i64} : (tensor<128xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<256xf32>
// CHECK: %[[ALL:.*]] = torsh.linear %[[X]], %[[W]] bias(%[[BIAS]])
// CHECK: %[[H:.*]] = torsh.reshape %[[ALL]] : (tensor<1x16x256xf32>) -> tensor<1x16x4x64xf32>
// CHECK: %[[Q:.*]] = torsh.slice %[[H]] {start = array<i64: 0, 0, 0, 0>, stop = array<i64: 1, 16, 2, 64>
// CHECK: %[[K:.*]] = torsh.slice %[[H]] {start = array<i64: 0, 0, 2, 0>, stop = array<i64: 1, 16, 3, 64>
// CHECK: %[[V:.*]] = torsh.slice %[[H]] {start = array<i64: 0, 0, 3, 0>, stop = array<i64: 1, 16, 4, 64>
// CHECK: torsh.attention %[[Q]], %[[K]], %[[V]]
func.func @heads(%x: tensor<1x16x128xf32>, %a: tensor<128x128xf32> {torsh.frozen}, %b: tensor<64x128xf32> {torsh.frozen}, %c: tensor<64x128xf32> {torsh.frozen},
    %d: tensor<128xf32> {torsh.frozen}, %e: tensor<64xf32> {torsh.frozen}, %f: tensor<64xf32> {torsh.frozen}) -> tensor<1x16x2x64xf32> {
  %0 = torsh.linear %x, %a bias(%d) : (tensor<1x16x128xf32>, tensor<128x128xf32>, tensor<128xf32>) -> tensor<1x16x128xf32>
  %1 = torsh.linear %x, %b bias(%e) : (tensor<1x16x128xf32>, tensor<64x128xf32>, tensor<64xf32>) -> tensor<1x16x64xf32>
  %2 = torsh.linear %x, %c bias(%f) : (tensor<1x16x128xf32>, tensor<64x128xf32>, tensor<64xf32>) -> tensor<1x16x64xf32>
  %q = torsh.reshape %0 : (tensor<1x16x128xf32>) -> tensor<1x16x2x64xf32>
  %k = torsh.reshape %1 : (tensor<1x16x64xf32>) -> tensor<1x16x1x64xf32>
  %v = torsh.reshape %2 : (tensor<1x16x64xf32>) -> tensor<1x16x1x64xf32>
  %r = torsh.attention %q, %k, %v {key_axes = array<i64: 0, 2, 1, 3>, query_axes = array<i64: 0, 2, 1, 3>, result_axes = array<i64: 0, 2, 1, 3>, value_axes = array<i64: 0, 2, 1, 3>, scale = 1.250000e-01 : f64} : (tensor<1x16x2x64xf32>, tensor<1x16x1x64xf32>, tensor<1x16x1x64xf32>) -> tensor<1x16x2x64xf32>
  return %r : tensor<1x16x2x64xf32>
}

// -----

// The number of rows need not be known, nor weights be arguments.
// CHECK-LABEL: func @rows
// CHECK: %[[C:.*]] = torsh.constant
// CHECK: torsh.concat %{{.*}}, %[[C]] {axis = 1 : i64}
// CHECK: torsh.matmul {{.*}} -> tensor<?x8xf32>
// CHECK: torsh.slice {{.*}} {start = array<i64: 0, 0>, stop = array<i64: 9223372036854775807, 4>
// CHECK: torsh.slice {{.*}} {start = array<i64: 0, 4>, stop = array<i64: 9223372036854775807, 8>
func.func @rows(%x: tensor<?x8xf32>, %a: tensor<8x4xf32> {torsh.frozen}) -> (tensor<4x?xf32>, tensor<4x?xf32>) {
  %0 = torsh.matmul %x, %a : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %b = torsh.constant dense<2.0> : tensor<8x4xf32>
  %1 = torsh.matmul %x, %b : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %2 = torsh.permute %0 {permutation = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
  %3 = torsh.permute %1 {permutation = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
  return %2, %3 : tensor<4x?xf32>, tensor<4x?xf32>
}

// -----

// An activation stays in its product's kernel.
// CHECK: module attributes {{.*}}torsh.silu is computed in the product's own kernel{{.*}}torsh.mul is computed in the product's own kernel
// CHECK-LABEL: func @gate
// CHECK-NOT: torsh.concat
func.func @gate(%x: tensor<16x64xf32>, %a: tensor<96x64xf32> {torsh.frozen}, %b: tensor<96x64xf32> {torsh.frozen}) -> tensor<16x96xf32> {
  %0 = torsh.linear %x, %a : (tensor<16x64xf32>, tensor<96x64xf32>) -> tensor<16x96xf32>
  %1 = torsh.silu %0 : (tensor<16x96xf32>) -> tensor<16x96xf32>
  %2 = torsh.linear %x, %b : (tensor<16x64xf32>, tensor<96x64xf32>) -> tensor<16x96xf32>
  %3 = torsh.mul %1, %2 : (tensor<16x96xf32>, tensor<16x96xf32>) -> tensor<16x96xf32>
  return %3 : tensor<16x96xf32>
}

// -----

// CHECK: module attributes {{.*}}its weights are not fixed, and would be copied at every call
// CHECK-LABEL: func @not_fixed
// CHECK-NOT: torsh.concat
func.func @not_fixed(%x: tensor<16x64xf32>, %a: tensor<64x64xf32>, %b: tensor<64x64xf32>) -> (tensor<64x16xf32>, tensor<64x16xf32>) {
  %0 = torsh.linear %x, %a : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = torsh.linear %x, %b : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %2 = torsh.permute %0 {permutation = array<i64: 1, 0>} : (tensor<16x64xf32>) -> tensor<64x16xf32>
  %3 = torsh.permute %1 {permutation = array<i64: 1, 0>} : (tensor<16x64xf32>) -> tensor<64x16xf32>
  return %2, %3 : tensor<64x16xf32>, tensor<64x16xf32>
}

// -----

// What is returned, and what is widened as it is read, stays; so does what is left alone by that.
// CHECK: module attributes {{.*}}func.return would need a copy of its part{{.*}}its weights are computed where they are read{{.*}}no other product of the tensor can be one with it
// CHECK-LABEL: func @left
// CHECK-NOT: torsh.concat
func.func @left(%x: tensor<16x64xf32>, %a: tensor<64x64xf32> {torsh.frozen}, %b: tensor<64x64xf16> {torsh.frozen}, %c: tensor<64x64xf32> {torsh.frozen}) -> (tensor<16x64xf32>, tensor<64x16xf32>, tensor<64x16xf32>) {
  %w = torsh.cast %b to f32 : (tensor<64x64xf16>) -> tensor<64x64xf32>
  %0 = torsh.linear %x, %a : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = torsh.linear %x, %w : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %2 = torsh.linear %x, %c : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %3 = torsh.permute %1 {permutation = array<i64: 1, 0>} : (tensor<16x64xf32>) -> tensor<64x16xf32>
  %4 = torsh.permute %2 {permutation = array<i64: 1, 0>} : (tensor<16x64xf32>) -> tensor<64x16xf32>
  return %0, %3, %4 : tensor<16x64xf32>, tensor<64x16xf32>, tensor<64x16xf32>
}

// -----

// Heads of 48 do not begin at the 64th column.
// CHECK: module attributes {{.*}}its part would not begin with a head
// CHECK-LABEL: func @other_heads
// CHECK-NOT: torsh.concat
func.func @other_heads(%x: tensor<16x64xf32>, %a: tensor<64x64xf32> {torsh.frozen}, %b: tensor<96x64xf32> {torsh.frozen}) -> (tensor<1x16x64xf32>, tensor<2x16x48xf32>) {
  %0 = torsh.linear %x, %a : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
  %1 = torsh.linear %x, %b : (tensor<16x64xf32>, tensor<96x64xf32>) -> tensor<16x96xf32>
  %2 = torsh.reshape %0 : (tensor<16x64xf32>) -> tensor<16x1x64xf32>
  %3 = torsh.reshape %1 : (tensor<16x96xf32>) -> tensor<16x2x48xf32>
  %4 = torsh.permute %2 {permutation = array<i64: 1, 0, 2>} : (tensor<16x1x64xf32>) -> tensor<1x16x64xf32>
  %5 = torsh.permute %3 {permutation = array<i64: 1, 0, 2>} : (tensor<16x2x48xf32>) -> tensor<2x16x48xf32>
  return %4, %5 : tensor<1x16x64xf32>, tensor<2x16x48xf32>
}
