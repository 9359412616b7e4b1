// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_UPSTREAM_TO_TORSH_PASSES_TD
#define TORSH_UPSTREAM_TO_TORSH_PASSES_TD

include "mlir/Pass/PassBase.td"

def ImportUpstreamPass : Pass<"torsh-import-upstream", "::mlir::ModuleOp"> {
  let summary = "Turns programs of MLIR's own dialects on tensors into torsh operations";
  let description = [{
    Raises functions of `func`, `linalg`, `tensor`, `arith`, `math` and `scf` to
    `torsh` operations, so that they are fused and run on every target. Every
    structured operation is read by its maps and its body: an elementwise body is
    raised operation by operation on broadcast operands, a body that combines into
    its result becomes a reduction, a sum of products a matrix product or a
    convolution. What the initial values of `outs` add is kept. Calls are inlined,
    loops of known length are unrolled, and a branch on a value becomes a selection
    between both sides.

    Numbers outside of tensors become tensors without axes; index arithmetic stays,
    as the host program computes it. A program of torsh operations is left as it
    is. What has no form in the dialect is an error that names the operation.

    ```mlir
    %0 = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
        ins(%x, %y : tensor<4x8xf32>, tensor<8xf32>) outs(%e : tensor<4x8xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %1 = arith.mulf %a, %b : f32
      linalg.yield %1 : f32
    } -> tensor<4x8xf32>
    // becomes
    %0 = torsh.mul %x, %y : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::tensor::TensorDialect", "::mlir::torsh::TorshDialect"];
}

#endif // TORSH_UPSTREAM_TO_TORSH_PASSES_TD
