// RUN: torsh-opt %s --torsh-import-upstream --split-input-file | FileCheck %s

// A body on elements is raised operation by operation; what an operand does not depend on is
// an axis of extent 1.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.+]]: tensor<4x8xf32>, %[[B:.+]]: tensor<8xf32>, %[[S:.+]]: tensor<f32>)
// CHECK: %[[ROW:.+]] = torsh.reshape %[[B]] : (tensor<8xf32>) -> tensor<1x8xf32>
// CHECK: %[[SUM:.+]] = torsh.add %[[X]], %[[ROW]]
// CHECK: %[[R:.+]] = torsh.mul %[[SUM]], %[[S]]
// CHECK-NEXT: return %[[R]] : tensor<4x8xf32>
func.func @main(%x: tensor<4x8xf32>, %b: tensor<8xf32>, %s: f32) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x8xf32>
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%x, %b : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %1 = arith.addf %p, %q : f32
    %2 = arith.mulf %1, %s : f32
    linalg.yield %2 : f32
  } -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// A sum of products is a matrix product; what it is added to stays, but for zeros.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[A:.+]]: tensor<2x4x8xf32>, %[[B:.+]]: tensor<2x8x3xf32>, %[[C:.+]]: tensor<2x4x3xf32>)
// CHECK: %[[P:.+]] = torsh.matmul %[[A]], %[[B]]
// CHECK: %[[Q:.+]] = torsh.add %[[C]], %[[P]] :
// CHECK: %[[R:.+]] = torsh.matmul %[[A]], %[[B]]
// CHECK-NEXT: return %[[Q]], %[[R]]
func.func @main(%a: tensor<2x4x8xf32>, %b: tensor<2x8x3xf32>, %c: tensor<2x4x3xf32>) -> (tensor<2x4x3xf32>, tensor<2x4x3xf32>) {
  %0 = linalg.batch_matmul ins(%a, %b : tensor<2x4x8xf32>, tensor<2x8x3xf32>) outs(%c : tensor<2x4x3xf32>) -> tensor<2x4x3xf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2x4x3xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<2x4x3xf32>) -> tensor<2x4x3xf32>
  %1 = linalg.batch_matmul ins(%a, %b : tensor<2x4x8xf32>, tensor<2x8x3xf32>) outs(%f : tensor<2x4x3xf32>) -> tensor<2x4x3xf32>
  return %0, %1 : tensor<2x4x3xf32>, tensor<2x4x3xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: torsh.permute %{{.+}} {permutation = array<i64: 0, 3, 1, 2>}
// CHECK: torsh.conv %{{.+}} {dilation = array<i64: 1, 1>, padding_high = array<i64: 0, 0>, padding_low = array<i64: 0, 0>, stride = array<i64: 2, 2>}
func.func @main(%x: tensor<1x9x9x3xf32>, %w: tensor<3x3x3x5xf32>) -> tensor<1x4x4x5xf32> {
  %z = arith.constant dense<0.0> : tensor<1x4x4x5xf32>
  %0 = linalg.conv_2d_nhwc_hwcf {strides = dense<2> : tensor<2xi64>} ins(%x, %w : tensor<1x9x9x3xf32>, tensor<3x3x3x5xf32>) outs(%z : tensor<1x4x4x5xf32>) -> tensor<1x4x4x5xf32>
  return %0 : tensor<1x4x4x5xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK: torsh.max_pool
// CHECK-SAME: stride = array<i64: 2, 2>, window = array<i64: 3, 3>
func.func @main(%x: tensor<1x9x9x3xf32>) -> tensor<1x4x4x3xf32> {
  %z = arith.constant dense<0xFF800000> : tensor<1x4x4x3xf32>
  %w = tensor.empty() : tensor<3x3xf32>
  %0 = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%x, %w : tensor<1x9x9x3xf32>, tensor<3x3xf32>) outs(%z : tensor<1x4x4x3xf32>) -> tensor<1x4x4x3xf32>
  return %0 : tensor<1x4x4x3xf32>
}

// -----

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.+]]: tensor<?x8xf32>, %[[O:.+]]: tensor<?xf32>)
// CHECK: %[[E:.+]] = torsh.exp %[[X]]
// CHECK: %[[S:.+]] = torsh.sum %[[E]] {axes = array<i64: 1>}
// CHECK: %[[R:.+]] = torsh.add %[[O]], %[[S]]
// CHECK-NEXT: return %[[R]]
func.func @main(%x: tensor<?x8xf32>, %o: tensor<?xf32>) -> tensor<?xf32> {
  %0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]} ins(%x : tensor<?x8xf32>) outs(%o : tensor<?xf32>) {
  ^bb0(%p: f32, %q: f32):
    %1 = math.exp %p : f32
    %2 = arith.addf %q, %1 : f32
    linalg.yield %2 : f32
  } -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// Calls are inlined, and what was called goes.
// CHECK-NOT: @square
// CHECK-LABEL: func.func @main
// CHECK: torsh.mul
func.func private @square(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = arith.mulf %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = func.call @square(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Programs of torsh, with the sizes of the host program, are left as they are.
// CHECK-LABEL: func.func @main
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: tensor.dim
// CHECK-NEXT: torsh.iota
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %d = tensor.dim %x, %c0 : tensor<?xf32>
  %0 = torsh.iota sizes(%d) {axis = 0 : i64} : tensor<?xf32>
  return %0 : tensor<?xf32>
}
