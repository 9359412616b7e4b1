// SPDX-License-Identifier: Apache-2.0
// Scans, ranks and scattered writes in the linalg phase.
//
// Each is a generic whose elements look through a whole row (or through all updates) and
// which is right as it stands, in linear or in quadratic time as the row is long. The marks
// are on operations of its body, where fusion keeps them; a target that has a better
// algorithm finds there what it needs.

#ifndef TORSHJIT_TENSOR_ORDEREDGENERICS_H
#define TORSHJIT_TENSOR_ORDEREDGENERICS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh {

/// A dictionary (reverse, exclusive) on the select that takes an element of the row or
/// what is neutral; the terminator yields its combination with what there is so far.
inline constexpr llvm::StringLiteral kScanMark = "torsh.scan";
/// On the comparison of the keys of two elements of the row, integers, which says whether the
/// other one stands strictly before the own one.
inline constexpr llvm::StringLiteral kRankMark = "torsh.rank";
/// On the select between what an update makes of an element and the element.
inline constexpr llvm::StringLiteral kScatterMark = "torsh.scatter";
/// On each comparison of a position with the index of a loop of the result.
inline constexpr llvm::StringLiteral kPositionMark = "torsh.position";

/// The operation of the body with this mark, or null.
Operation *findMarked(linalg::GenericOp op, StringRef mark);

/// One of the positions that a scattered write compares: its value, and the loop whose index
/// it is to be, if the axis has one.
struct WrittenAxis {
  Value position;
  std::optional<unsigned> loop;
};
llvm::SmallVector<WrittenAxis> getWrittenAxes(linalg::GenericOp op);

/// The parallel loops of a marked generic along which its elements are not independent
/// of each other: tiling them would repeat work. Empty for any other operation.
llvm::SmallVector<unsigned> getOrderedLoops(linalg::LinalgOp op);

} // namespace mlir::torsh

#endif // TORSHJIT_TENSOR_ORDEREDGENERICS_H
