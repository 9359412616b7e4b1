// RUN: torsh-opt %s --torsh-simplify-algebra --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s

// What merges keeps the lines of both; what folds into a constant keeps its own.
// CHECK: torsh.linear {{.*}} loc(fused["model.py":1:1, "model.py":2:1])
// CHECK: torsh.permute {{.*}} loc(fused["model.py":4:1, "model.py":5:1])
func.func @main(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %y: tensor<2x3x4xf32>) -> (tensor<2x4xf32>, tensor<4x3x2xf32>) {
  %0 = torsh.permute %w {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32> loc("model.py":1:1)
  %1 = torsh.matmul %x, %0 : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32> loc("model.py":2:1)
  %2 = torsh.permute %y {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32> loc("model.py":4:1)
  %3 = torsh.permute %2 {permutation = array<i64: 1, 0, 2>} : (tensor<3x4x2xf32>) -> tensor<4x3x2xf32> loc("model.py":5:1)
  return %1, %3 : tensor<2x4xf32>, tensor<4x3x2xf32>
}
