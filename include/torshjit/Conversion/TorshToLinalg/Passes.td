// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_CONVERSION_PASSES_TD
#define TORSH_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertTorshToLinalgPass : Pass<"torsh-convert-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Turns each kernel into a function of linalg operations";
  let description = [{
    A kernel becomes a function on memrefs, its inputs followed by its results,
    whose body reads tensors, computes in linalg, and materialises each result
    in its memref. Extents that are statically 1 disappear. The host function is
    left as it is.

    ```mlir
    torsh.kernel @neg(%x: tensor<1x8xf32>) -> tensor<1x8xf32> { ... }
    // becomes
    func.func @neg(%x: memref<8xf32>, %out: memref<8xf32>) attributes {torsh.kernel} { ... }
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::bufferization::BufferizationDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"];
}

#endif // TORSH_CONVERSION_PASSES_TD
