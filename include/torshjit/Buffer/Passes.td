// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_BUFFER_PASSES_TD
#define TORSH_BUFFER_PASSES_TD

include "mlir/Pass/PassBase.td"

def BufferizeKernelsPass : Pass<"torsh-bufferize-kernels", "::mlir::func::FuncOp"> {
  let summary = "Turns the tensors of a kernel into memrefs";
  let description = [{
    Results are computed in the memrefs of the caller; what a kernel keeps for
    itself becomes a `memref.alloc`, hoisted out of the loop over tiles, with a
    bound for its extents where they differ from tile to tile.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect"];
}

def LowerContractionsPass : Pass<"torsh-lower-contractions", "::mlir::func::FuncOp"> {
  let summary = "Lowers contractions to packed panels and a register-tiled loop";
  let description = [{
    Any product summed over loops whose operands are addressed linearly in the
    loop indices (matrix products of all layouts, batched, and convolutions as
    implicit matrix products) becomes: panels of both operands packed in the
    order in which they are read, and a loop of vector outer products that keeps
    a block of the result in registers. See docs/design/ for the scheme.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def LowerOrderedPass : Pass<"torsh-lower-ordered", "::mlir::func::FuncOp"> {
  let summary = "Lowers scans, ranks and scattered writes to loops that look at each element once";
  let description = [{
    They arrive as generics in which each element of the result looks through a
    whole row, or through all updates. A scan becomes a loop that carries what it
    has so far, a rank the inverse of a merge sort of positions, a scattered write a
    loop over the updates.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def LowerToLoopsPass : Pass<"torsh-lower-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Lowers the remaining linalg operations to loops";
  let description = [{
    The innermost loop is the one along which most operands are contiguous, so
    that the vectoriser finds unit strides.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

#endif // TORSH_BUFFER_PASSES_TD
