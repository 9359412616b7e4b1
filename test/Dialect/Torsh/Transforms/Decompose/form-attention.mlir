// RUN: torsh-opt %s --torsh-form-attention | FileCheck %s

// CHECK-LABEL: func @softmax
// CHECK-NEXT: %[[R:.*]] = torsh.attention %arg0, %arg1, %arg2
// CHECK-SAME: key_axes = array<i64: 0, 1, 2>, scale = 1.250000e-01
// CHECK-NEXT: return %[[R]]
func.func @softmax(%q: tensor<2x5x8xf32>, %k: tensor<2x?x8xf32>, %v: tensor<2x?x4xf32>) -> tensor<2x5x4xf32> {
  %c = torsh.constant dense<8.0> : tensor<f32>
  %t = torsh.permute %k {permutation = array<i64: 0, 2, 1>} : (tensor<2x?x8xf32>) -> tensor<2x8x?xf32>
  %0 = torsh.matmul %q, %t : (tensor<2x5x8xf32>, tensor<2x8x?xf32>) -> tensor<2x5x?xf32>
  %1 = torsh.div %0, %c : (tensor<2x5x?xf32>, tensor<f32>) -> tensor<2x5x?xf32>
  %2 = torsh.softmax %1 {axis = 2 : i64} : (tensor<2x5x?xf32>) -> tensor<2x5x?xf32>
  %3 = torsh.matmul %2, %v : (tensor<2x5x?xf32>, tensor<2x?x4xf32>) -> tensor<2x5x4xf32>
  return %3 : tensor<2x5x4xf32>
}

// A softmax that is spelt out, and a constant that says causal.
// CHECK-LABEL: func @spelt_out
// CHECK: torsh.attention %arg0, %arg1, %arg2 {causal = true
// CHECK-SAME: masked_score = -1.000000e+04
// CHECK-SAME: result_axes = array<i64: 1, 0, 2>
func.func @spelt_out(%q: tensor<2x2x8xf32>, %k: tensor<2x8x3xf32>, %v: tensor<2x3x4xf32>) -> tensor<2x2x4xf32> {
  %seen = torsh.constant dense<[[true, false, false], [true, true, false]]> : tensor<2x3xi1>
  %low = torsh.constant dense<-1.0e4> : tensor<f32>
  %0 = torsh.matmul %q, %k : (tensor<2x2x8xf32>, tensor<2x8x3xf32>) -> tensor<2x2x3xf32>
  %1 = torsh.select %seen, %0, %low : (tensor<2x3xi1>, tensor<2x2x3xf32>, tensor<f32>) -> tensor<2x2x3xf32>
  %2 = torsh.amax %1 {axes = array<i64: 2>, keepdims = true} : (tensor<2x2x3xf32>) -> tensor<2x2x1xf32>
  %3 = torsh.sub %1, %2 : (tensor<2x2x3xf32>, tensor<2x2x1xf32>) -> tensor<2x2x3xf32>
  %4 = torsh.exp %3 : (tensor<2x2x3xf32>) -> tensor<2x2x3xf32>
  %5 = torsh.sum %4 {axes = array<i64: 2>, keepdims = true} : (tensor<2x2x3xf32>) -> tensor<2x2x1xf32>
  %6 = torsh.div %4, %5 : (tensor<2x2x3xf32>, tensor<2x2x1xf32>) -> tensor<2x2x3xf32>
  %7 = torsh.matmul %6, %v : (tensor<2x2x3xf32>, tensor<2x3x4xf32>) -> tensor<2x2x4xf32>
  %8 = torsh.permute %7 {permutation = array<i64: 1, 0, 2>} : (tensor<2x2x4xf32>) -> tensor<2x2x4xf32>
  return %8 : tensor<2x2x4xf32>
}

// CHECK-LABEL: func @added_mask
// CHECK: torsh.attention %arg0, %arg1, %arg1 mask(%arg2)
func.func @added_mask(%q: tensor<5x8xf32>, %k: tensor<7x8xf32>, %m: tensor<5x7xf32>) -> tensor<5x8xf32> {
  %0 = torsh.linear %q, %k : (tensor<5x8xf32>, tensor<7x8xf32>) -> tensor<5x7xf32>
  %1 = torsh.add %m, %0 : (tensor<5x7xf32>, tensor<5x7xf32>) -> tensor<5x7xf32>
  %2 = torsh.softmax %1 {axis = 1 : i64} : (tensor<5x7xf32>) -> tensor<5x7xf32>
  %3 = torsh.matmul %2, %k : (tensor<5x7xf32>, tensor<7x8xf32>) -> tensor<5x8xf32>
  return %3 : tensor<5x8xf32>
}

// The weights are a result as well.
// CHECK-LABEL: func @used_weights
// CHECK-NOT: torsh.attention
// CHECK: return
func.func @used_weights(%q: tensor<5x8xf32>, %k: tensor<7x8xf32>) -> (tensor<5x7xf32>, tensor<5x8xf32>) {
  %0 = torsh.linear %q, %k : (tensor<5x8xf32>, tensor<7x8xf32>) -> tensor<5x7xf32>
  %1 = torsh.softmax %0 {axis = 1 : i64} : (tensor<5x7xf32>) -> tensor<5x7xf32>
  %2 = torsh.matmul %1, %k : (tensor<5x7xf32>, tensor<7x8xf32>) -> tensor<5x8xf32>
  return %1, %2 : tensor<5x7xf32>, tensor<5x8xf32>
}

// bf16 scores are rounded before the softmax.
// CHECK-LABEL: func @narrow
// CHECK-NOT: torsh.attention
// CHECK: return
func.func @narrow(%q: tensor<5x8xbf16>, %k: tensor<7x8xbf16>) -> tensor<5x8xbf16> {
  %0 = torsh.linear %q, %k : (tensor<5x8xbf16>, tensor<7x8xbf16>) -> tensor<5x7xbf16>
  %1 = torsh.softmax %0 {axis = 1 : i64} : (tensor<5x7xbf16>) -> tensor<5x7xbf16>
  %2 = torsh.matmul %1, %k : (tensor<5x7xbf16>, tensor<7x8xbf16>) -> tensor<5x8xbf16>
  return %2 : tensor<5x8xbf16>
}

// The heads of the query would be repeated.
// CHECK-LABEL: func @broadcast_query
// CHECK-NOT: torsh.attention
// CHECK: return
func.func @broadcast_query(%q: tensor<1x5x8xf32>, %k: tensor<3x8x7xf32>, %v: tensor<3x7x8xf32>) -> tensor<3x5x8xf32> {
  %0 = torsh.matmul %q, %k : (tensor<1x5x8xf32>, tensor<3x8x7xf32>) -> tensor<3x5x7xf32>
  %1 = torsh.softmax %0 {axis = 2 : i64} : (tensor<3x5x7xf32>) -> tensor<3x5x7xf32>
  %2 = torsh.matmul %1, %v : (tensor<3x5x7xf32>, tensor<3x7x8xf32>) -> tensor<3x5x8xf32>
  return %2 : tensor<3x5x8xf32>
}
