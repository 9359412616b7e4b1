// SPDX-License-Identifier: Apache-2.0
// The pass that takes composite operations apart.

#ifndef TORSH_DECOMPOSE_PASSES_TD
#define TORSH_DECOMPOSE_PASSES_TD

include "mlir/Pass/PassBase.td"

def DecomposePass : Pass<"torsh-decompose"> {
  let summary = "replace composite operations by simpler ones";
  let description = [{
    Replaces every operation with `DecomposableOpInterface` by the program its
    interface builds, and what that program holds in turn, except the operations
    named in `keep` that say they can stay whole: those a target takes so. Afterwards
    no other composite is left; one that cannot be taken apart is an error.

    ```mlir
    %0 = torsh.softmax %x {axis = 1 : i64} : (tensor<2x8xf32>) -> tensor<2x8xf32>
    // becomes amax, sub, exp, sum and div
    ```
  }];
  let options = [
    ListOption<"keep", "keep", "std::string",
               "Names of operations to leave whole, e.g. torsh.softmax">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::torsh::TorshDialect"];
}

def FormAttentionPass : Pass<"torsh-form-attention"> {
  let summary = "recognise attention that a program spells out, and let it read by strides";
  let description = [{
    For targets that take `torsh.attention` whole. A softmax, spelt out or not, of scaled
    scores, masked or not, between two products becomes one `torsh.attention` where nothing
    else uses the scores. Permutations of what an attention reads, and of its result, become
    the order of its axes.

    ```mlir
    %0 = torsh.matmul %q, %k : (tensor<2x8x4xf32>, tensor<2x4x8xf32>) -> tensor<2x8x8xf32>
    %1 = torsh.softmax %0 {axis = 2 : i64} : (tensor<2x8x8xf32>) -> tensor<2x8x8xf32>
    %2 = torsh.matmul %1, %v : (tensor<2x8x8xf32>, tensor<2x8x4xf32>) -> tensor<2x8x4xf32>
    // becomes torsh.attention %q, %k, %v {key_axes = array<i64: 0, 2, 1>, scale = 1.0 : f64}
    ```
  }];
  let dependentDialects = ["::mlir::torsh::TorshDialect"];
}

#endif // TORSH_DECOMPOSE_PASSES_TD
