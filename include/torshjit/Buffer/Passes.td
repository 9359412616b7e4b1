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
    a block of the result in registers. An elementwise operation that alone reads the
    result is computed on these registers. See docs/design/ for the scheme.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def LowerOrderedPass : Pass<"torsh-lower-ordered", "::mlir::func::FuncOp"> {
  let summary = "Lowers scans, ranks and scattered writes to loops that look at each element once";
  let description = [{
    They arrive as generics in which each element of the result looks through a
    whole row, or through all updates. A scan becomes a loop that carries what it
    has so far, a rank the inverse of a sort of positions, a scattered write a
    loop over the updates. Scans work on vectors: within a row, where their elements may be
    combined in any order, or on whole rows.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "512", "Width of a vector register">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def TransposeOperandsPass : Pass<"torsh-transpose-operands", "::mlir::func::FuncOp"> {
  let summary = "Copies tiles of operands that lie in memory the other way round";
  let description = [{
    An elementwise operation that runs along its result and across an operand would read
    a cache line for each element. The operand's tile is copied first, transposed in
    registers square by square, and read from the copy in order. A tile whose extents
    have no bound, or that is larger than a good part of the second cache, is left.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "512", "Width of a vector register">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def StreamResultsPass : Pass<"torsh-stream-results", "::mlir::func::FuncOp"> {
  let summary = "Writes large results past the caches";
  let description = [{
    Where the schedule says `block = [n]`, an elementwise operation that writes a
    result of the kernel does so in pieces of `n` neighbouring elements: each is
    computed in a buffer that stays in the first cache, and copied by non-temporal
    stores of whole lines. A line that is stored in the usual way is read from memory
    first, and takes the place of another in the caches; neither is of use for a result
    that does not fit them.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def ParallelizeElementwisePass : Pass<"torsh-parallelize-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Has threads share elementwise operations that stand outside of a kernel's tiles";
  let description = [{
    The tiles are those of a kernel's last operation. Copies that make up a result
    (concatenations, slices, margins), and what else does not belong to it, are cut into
    pieces of their own, where they are large enough for more than one thread.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def CollapseLoopsPass : Pass<"torsh-collapse-loops", "::mlir::func::FuncOp"> {
  let summary = "Makes one loop of several over neighbours in memory";
  let description = [{
    Where the innermost loop of an operation is short, it and those around it become one
    if all operands lie in memory so that they can: a mean over images of 56 x 56 is a sum of
    3,136 neighbours then, of whole vectors, and not 56 sums of 56.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect"];
}

def LowerToLoopsPass : Pass<"torsh-lower-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Lowers the remaining linalg operations to loops";
  let description = [{
    The innermost loop is the one along which most operands are contiguous, so
    that the vectoriser finds unit strides. Where that is not a loop of a reduction, as
    in a sum of columns, eight rows are combined at a time: the result is read and
    written once for them, and a sum of sums loses less than a long chain.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

#endif // TORSH_BUFFER_PASSES_TD
