// RUN: torsh-opt %s --split-input-file --torsh-split-depth | FileCheck %s
// RUN: torsh-opt %s --split-input-file --torsh-split-depth=strategy=none | FileCheck %s --check-prefix=NONE
// NONE-NOT: torsh.sum

// Sixteen products of a sixteenth of the depth.
// CHECK-LABEL: func.func @rows
// CHECK: %[[R:.+]] = torsh.reshape %arg0 {{.*}} -> tensor<32x16x10000xf32>
// CHECK: %[[X:.+]] = torsh.permute %[[R]] {permutation = array<i64: 1, 0, 2>}
// CHECK: %[[Y:.+]] = torsh.reshape %arg1 {{.*}} -> tensor<16x10000x32xf32>
// CHECK: %[[P:.+]] = torsh.matmul %[[X]], %[[Y]] {{.*}} -> tensor<16x32x32xf32>
// CHECK: %[[S:.+]] = torsh.sum %[[P]] {axes = array<i64: 0>
// CHECK: return %[[S]] : tensor<32x32xf32>
func.func @rows(%x: tensor<32x160000xf32>, %y: tensor<160000x32xf32>) -> tensor<32x32xf32> {
  %0 = torsh.matmul %x, %y : (tensor<32x160000xf32>, tensor<160000x32xf32>) -> tensor<32x32xf32>
  return %0 : tensor<32x32xf32>
}

// -----

// Rows that lie along the result stay where they are, as in gradients of weights.
// CHECK-LABEL: func.func @transposed
// CHECK: %[[R:.+]] = torsh.reshape %arg0 {{.*}} -> tensor<14x700x24xf64>
// CHECK: torsh.permute %[[R]] {permutation = array<i64: 0, 2, 1>}
func.func @transposed(%x: tensor<9800x24xf64>, %y: tensor<9800x32xf64>) -> tensor<24x32xf64> {
  %t = torsh.permute %x {permutation = array<i64: 1, 0>} : (tensor<9800x24xf64>) -> tensor<24x9800xf64>
  %0 = torsh.matmul %t, %y : (tensor<24x9800xf64>, tensor<9800x32xf64>) -> tensor<24x32xf64>
  return %0 : tensor<24x32xf64>
}

// -----

// Few rows, wide results, narrow types, a prime depth, '?' and fixed weights are left.
// CHECK-LABEL: func.func @left
// CHECK-NOT: torsh.sum
func.func @left(%a: tensor<8x160000xf32>, %b: tensor<160000x32xf32>, %c: tensor<512x16384xf32>, %d: tensor<16384x512xf32>,
                %e: tensor<32x160000xbf16>, %f: tensor<160000x32xbf16>, %g: tensor<32x10007xf32>, %h: tensor<10007x32xf32>,
                %i: tensor<?x160000xf32>, %j: tensor<32x160000xf32>, %w: tensor<160000x32xf32> {torsh.frozen})
    -> (tensor<8x32xf32>, tensor<512x512xf32>, tensor<32x32xbf16>, tensor<32x32xf32>, tensor<?x32xf32>, tensor<32x32xf32>) {
  %0 = torsh.matmul %a, %b : (tensor<8x160000xf32>, tensor<160000x32xf32>) -> tensor<8x32xf32>
  %1 = torsh.matmul %c, %d : (tensor<512x16384xf32>, tensor<16384x512xf32>) -> tensor<512x512xf32>
  %2 = torsh.matmul %e, %f : (tensor<32x160000xbf16>, tensor<160000x32xbf16>) -> tensor<32x32xbf16>
  %3 = torsh.matmul %g, %h : (tensor<32x10007xf32>, tensor<10007x32xf32>) -> tensor<32x32xf32>
  %4 = torsh.matmul %i, %b : (tensor<?x160000xf32>, tensor<160000x32xf32>) -> tensor<?x32xf32>
  %5 = torsh.matmul %j, %w : (tensor<32x160000xf32>, tensor<160000x32xf32>) -> tensor<32x32xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<8x32xf32>, tensor<512x512xf32>, tensor<32x32xbf16>, tensor<32x32xf32>, tensor<?x32xf32>, tensor<32x32xf32>
}
