// SPDX-License-Identifier: Apache-2.0
// Margins around squeezed tensors, and what is cut off them.

#ifndef TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_PADDING_H
#define TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_PADDING_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::torsh {

/// A padded tensor: its squeezed value and its type with all axes.
struct PaddedTensor {
  Value value;
  RankedTensorType type;
};

/// Surrounds a tensor with `margin`. `type` is the tensor's type with all axes,
/// `value` the squeezed tensor; `low` and `high` have one entry per axis of `type`.
/// An axis of extent 1 that is padded appears in the result.
PaddedTensor padTensor(OpBuilder &builder, Location loc, RankedTensorType type, Value value,
                       ArrayRef<int64_t> low, ArrayRef<int64_t> high, Value margin);

/// `value`, squeezed from `type`, with the `?` axes dropped that another operand says
/// are 1: those where `shape` is 1. That they are is checked when the program runs.
Value dropUnitAxes(OpBuilder &builder, Location loc, RankedTensorType type, Value value,
                   ArrayRef<int64_t> shape);

/// Leaves out what no window reads, so that a loop over a window that stands at one
/// place is the extent it runs over: `read` has, per axis of the tensor's type, how
/// much is read, or -1 for all of it. Extents that are read in part are static.
PaddedTensor cropTensor(OpBuilder &builder, Location loc, PaddedTensor tensor,
                        ArrayRef<int64_t> read);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_PADDING_H
