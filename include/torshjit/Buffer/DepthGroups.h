// SPDX-License-Identifier: Apache-2.0
// What instructions that multiply and add several neighbours of the depth ask of operands.

#ifndef TORSHJIT_BUFFER_DEPTHGROUPS_H
#define TORSHJIT_BUFFER_DEPTHGROUPS_H

#include "mlir/IR/BuiltinTypes.h"
#include <optional>

namespace mlir::torsh {

/// The elements of a product's operands and of its sums.
struct ProductElements {
  Type rows, columns, sum;
  bool rowsAreUnsigned = false, columnsAreUnsigned = false;
};

/// How operands are packed in groups.
struct DepthGroups {
  /// The bytes of the rows have their highest bit flipped, and with it their kind of sign.
  bool flipsRows = false;
  /// If not 0, the columns' panels begin with this times the sums of their columns.
  int64_t sumsOfColumns = 0;
};

/// Whether `step` neighbours of the depth, in panels of `width` columns, can be multiplied and
/// added by one instruction: pairs of bf16, or four bytes, without sign in one operand and with
/// sign in the other. Where both have a sign or neither has, those of the rows get the other
/// kind by 128 added or taken off; what that changes is the sums of the columns times 128.
std::optional<DepthGroups> groupDepth(const ProductElements &elements, int64_t step, int64_t width);

} // namespace mlir::torsh

#endif // TORSHJIT_BUFFER_DEPTHGROUPS_H
