// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_TENSOR_PASSES_TD
#define TORSH_TENSOR_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseElementwisePass : Pass<"torsh-fuse-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Merges elementwise generics of a kernel into their consumers";
  let description = [{
    A generic whose result has one consumer is computed inside it, and one that
    costs next to nothing inside each of its consumers. What is expensive and
    has several consumers stays apart: tiling keeps its values in cache.
    Contractions take no producers: their loops are packed from memory.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def TileKernelsPass : Pass<"torsh-tile-kernels", "::mlir::func::FuncOp"> {
  let summary = "Tiles a kernel's last operation and computes its producers per tile";
  let description = [{
    The tile sizes are those of the kernel's schedule; the tiles are the
    iterations of an `scf.forall`. A kernel without tile sizes is left alone.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

#endif // TORSH_TENSOR_PASSES_TD
