// SPDX-License-Identifier: Apache-2.0
// What instructions that multiply and add several neighbours of the depth ask of operands.

#ifndef TORSHJIT_BUFFER_DEPTHGROUPS_H
#define TORSHJIT_BUFFER_DEPTHGROUPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>

namespace mlir::torsh {

/// The elements of a product's operands and of its sums.
struct ProductElements {
  Type rows, columns, sum;
  bool rowsAreUnsigned = false, columnsAreUnsigned = false;
};

/// What a schedule says of it: the third and fourth number of its `register_tile`.
struct DepthGrouping {
  int64_t step = 1;
  /// Whether the bytes of the rows have their highest bit flipped, and with it their kind of sign.
  bool flipsRows = false;

  /// `registerTile` may have fewer numbers.
  static DepthGrouping read(llvm::ArrayRef<int64_t> registerTile) {
    return {registerTile.size() > 2 ? registerTile[2] : 1,
            registerTile.size() > 3 && registerTile[3] != 0};
  }
};

/// How operands are packed in groups.
struct DepthGroups {
  /// Of the panels: bytes in pairs are widened to 16 bits, with sign.
  Type element;
  bool flipsRows = false;
  /// If not 0, the columns' panels begin with this times the sums of their columns.
  int64_t sumsOfColumns = 0;
};

/// Whether neighbours of the depth, in panels of `width` columns, can be multiplied and added
/// together: pairs of bf16, of 16-bit integers with sign or of bytes, or four bytes. Where the
/// bytes of the rows are to get the other kind of sign, 128 is added or taken off; what that
/// changes is the sums of the columns times 128.
std::optional<DepthGroups> groupDepth(const ProductElements &elements, DepthGrouping grouping,
                                      int64_t width);

/// The loop of a convolution's depth whose neighbours are multiplied in pairs of bf16, if the
/// schedule's `register_tile` says so: of channels, which no window slides over, an even number of
/// them.
std::optional<unsigned> findPairedLoop(linalg::GenericOp op, ArrayRef<int64_t> registerTile);

/// Elements of a type without sign, or of others.
struct GroupOperand {
  Value value;
  bool isUnsigned = false;
};

/// `sums` plus the products of one group and each of the groups of a vector.
Value dotGroups(OpBuilder &builder, Location loc, GroupOperand one, GroupOperand groups,
                Value sums);

} // namespace mlir::torsh

#endif // TORSHJIT_BUFFER_DEPTHGROUPS_H
