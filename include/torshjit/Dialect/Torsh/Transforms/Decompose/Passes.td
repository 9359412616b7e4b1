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
    named in `keep`: those a target takes whole. Afterwards no other composite is
    left; one that cannot be taken apart is an error.

    ```mlir
    %0 = torsh.softmax %x {axis = 1 : i64} : (tensor<2x8xf32>) -> tensor<2x8xf32>
    // becomes amax, sub, exp, sum and div
    ```
  }];
  let options = [
    ListOption<"keep", "keep", "std::string",
               "Names of operations to leave whole, e.g. torsh.softmax">
  ];
  let dependentDialects = ["::mlir::torsh::TorshDialect"];
}

#endif // TORSH_DECOMPOSE_PASSES_TD
