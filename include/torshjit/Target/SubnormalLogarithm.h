// SPDX-License-Identifier: Apache-2.0
// Logarithms of f32 below the normal range.

#ifndef TORSHJIT_TARGET_SUBNORMALLOGARITHM_H
#define TORSHJIT_TARGET_SUBNORMALLOGARITHM_H

#include "mlir/IR/Operation.h"

namespace mlir::torsh {

/// Scales the operand of each `math.log` of f32 inside `root` into the normal range, and
/// takes the scale off the result: upstream's polynomial takes every smaller number for
/// the smallest normal one.
void scaleSubnormalLogarithms(Operation *root);

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_SUBNORMALLOGARITHM_H
