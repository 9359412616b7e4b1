// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_TENSOR_PASSES_TD
#define TORSH_TENSOR_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandGroupsPass : Pass<"torsh-expand-groups", "::mlir::func::FuncOp"> {
  let summary = "Computes what follows a convolution of groups in the convolution's own shape";
  let description = [{
    A convolution of groups has an axis for groups and one for the outputs of a group, which are
    one axis of the result. What is computed of it elementwise, and the memory of the
    result, have both axes as well: a kernel is tiled as its last operation, and what that reads
    is computed in its tiles, which ends at a change of the shape.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::tensor::TensorDialect"];
}

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

def MergeResultsPass : Pass<"torsh-merge-results", "::mlir::func::FuncOp"> {
  let summary = "Computes results of a kernel that have the same elements in one operation";
  let description = [{
    A kernel is tiled as its last operation is, and what that reads is computed in its tiles.
    Other results of the same extents, and what they alone read, become results of that
    operation: one loop reads each input once and computes each value once, in registers.
    What reads an operand across its rows stays apart, and is transposed.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
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

def PadTilesPass : Pass<"torsh-pad-tiles", "::mlir::func::FuncOp"> {
  let summary = "Gives each tile the margin of its own piece of a padded tensor";
  let description = [{
    A padded operand of a window arrives as a tensor of its own: a margin, and the
    operand inserted in it. Where tiles read pieces of it, each makes the piece it
    reads in memory of its own, from the operand itself; it stays in cache, and
    nobody waits for a padded copy of the whole.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

#endif // TORSH_TENSOR_PASSES_TD
