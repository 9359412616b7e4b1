// SPDX-License-Identifier: Apache-2.0
// Parts of a last axis that is divided into heads.

#ifndef TORSHJIT_DIALECT_TORSH_IR_HEADSLICES_H
#define TORSHJIT_DIALECT_TORSH_IR_HEADSLICES_H

#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <optional>

namespace mlir::torsh {

/// How a reshape divides the last axis of its operand: into an axis of heads of its result, each
/// `width` elements wide.
struct HeadDivision {
  int64_t axis;
  int64_t width;
};

/// The division, if the reshape does nothing else but to add and drop axes of extent 1, and its
/// one `?`, if there is any, follows from the operand's.
std::optional<HeadDivision> matchHeads(ReshapeOp reshape);

/// A slice along one axis of `source`, from `start` on, as wide as `extent`; whole along all
/// others.
Value sliceAxis(OpBuilder &builder, Location loc, Value source, int64_t axis, int64_t start,
                int64_t extent);

/// `source`, whose last axis is wider than that of the operand of `reshape`, under the shape that
/// gives it more of the same heads.
Value reshapeToHeads(OpBuilder &builder, Location loc, Value source, ReshapeOp reshape,
                     HeadDivision division);

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_IR_HEADSLICES_H
