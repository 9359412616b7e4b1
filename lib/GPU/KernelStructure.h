// SPDX-License-Identifier: Apache-2.0
// What shapes the code of a kernel on blocks of threads.

#ifndef TORSHJIT_LIB_GPU_KERNELSTRUCTURE_H
#define TORSHJIT_LIB_GPU_KERNELSTRUCTURE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh::gpu {

/// What decides how a kernel is spread over threads.
enum class KernelClass {
  Elementwise,     ///< computes each element by itself
  Movement,        ///< the same, and only moves elements
  RowReduction,    ///< reduces along memory, and what depends on it
  ColumnReduction, ///< reduces across memory
  Contraction,     ///< a product of matrices and what follows it
  Convolution      ///< the same, one operand read through windows
};
StringRef stringify(KernelClass kernelClass);

/// A result of the kernel and the memory it goes to.
struct Output {
  Value tensor;
  BlockArgument destination;
};

/// How an output hangs on the reductions of its kernel: a point of the space splits
/// into axes that choose a group of the reductions and axes within the group.
struct AlignedOutput {
  Output output;
  /// The tensor whose indices are the points. Where it is not the output's, the output
  /// is a row-major reshape of it, by `reshapes` (from the output inwards).
  Value space;
  SmallVector<Value> reshapes;
  /// The axes of the space that index the results of the reductions, in that order.
  SmallVector<unsigned> groupAxes;
};

struct KernelStructure {
  KernelClass kernelClass = KernelClass::Elementwise;
  /// The product of matrices, of a contraction or convolution.
  linalg::GenericOp contraction;
  /// Reductions of which each group of threads computes one result after the other,
  /// in an order in which each needs only those before it.
  SmallVector<linalg::GenericOp> reductions;
  SmallVector<AlignedOutput> aligned;
  /// The other results: each element is computed by itself.
  SmallVector<Output> separate;
};

KernelStructure analyzeKernel(func::FuncOp kernel);

/// The loops of a product of matrices by what they index. Rows are those of the
/// operand `left`, so that the columns run along the memory of the result.
struct ContractionLoops {
  SmallVector<unsigned> batch, rows, columns, depth;
  unsigned left = 0, right = 1;
};
FailureOr<ContractionLoops> classifyLoops(linalg::GenericOp op);

} // namespace mlir::torsh::gpu

#endif // TORSHJIT_LIB_GPU_KERNELSTRUCTURE_H
