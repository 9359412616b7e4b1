// SPDX-License-Identifier: Apache-2.0
// Which contractions are bound by reading one operand once.

#ifndef TORSHJIT_TENSOR_SKINNYSHAPE_H
#define TORSHJIT_TENSOR_SKINNYSHAPE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// Up to so many rows a product takes its wide operand from memory as it lies: each of its
/// elements is used so few times that packing it would cost as much as the product.
constexpr int64_t kSkinnyRows = 16;

/// A product of a few rows (the thin operand) by a wide operand. Loops of extent 1 are in no
/// group; the thin operand has no rows where it is a vector.
struct SkinnyShape {
  unsigned thin, wide;                               // numbers of the operands
  SmallVector<unsigned> batch, rows, columns, depth; // loops; columns are the wide one's own
  /// The product of the rows' extents; kDynamic where one is not known.
  int64_t rowCount;
  /// What the wide operand's last axis runs along: columns as in `x @ w`, else depth as in
  /// `linear`.
  bool columnsLast;
};

/// The numbers that drive such a product's code. In a schedule they are the last six of
/// `block`, after the five of packed products where a kernel may take either way.
struct SkinnyNumbers {
  int64_t rows = 1, vectors = 1, lanes = 4; // accumulators: rows by vectors, each of `lanes`
  int64_t depth = 64;                       // of the summed axis at a time
  /// How far ahead to prefetch, 0: that is left to the processor. Columns where those of a tile
  /// are neighbours and the depth is last, else elements.
  int64_t ahead = 0;
  /// Columns last: ranges of the summed axis that threads share, 0: they share the columns.
  /// Depth last: 1 if the columns of a tile are as far apart as they can be, 0: neighbours.
  int64_t split = 0;

  /// The numbers in a schedule (which may be null), if it has them.
  static std::optional<SkinnyNumbers> from(ScheduleAttr schedule);
  /// Adds them to what is to be the `block` of a schedule.
  void appendTo(SmallVectorImpl<int64_t> &block) const;
};

/// The body of a contraction: a sum of products of elements as they are or widened.
struct ProductBody {
  Operation *casts[2] = {nullptr, nullptr}; // what widens an element of each operand, or null
  bool isFused = true;                      // whether product and sum may be rounded as one
};

/// Reads the body of a generic with two inputs and one result, if it is such a sum.
std::optional<ProductBody> matchProduct(linalg::GenericOp op);

/// Marks the sums of products in a kernel that come of a multiplication and a reduction,
/// as `(a * x).sum(-1)` does, where they are skinny.
void markSkinnyProducts(func::FuncOp kernel);

/// Reads a contraction as a skinny one: at most `kSkinnyRows` rows, or an unknown number,
/// by columns. Fails where both operands are wide or both are vectors, and where the wide
/// operand's last axis is neither columns nor depth.
std::optional<SkinnyShape> matchSkinny(linalg::GenericOp op);

} // namespace mlir::torsh

#endif // TORSHJIT_TENSOR_SKINNYSHAPE_H
