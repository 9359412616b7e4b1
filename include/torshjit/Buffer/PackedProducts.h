// SPDX-License-Identifier: Apache-2.0
// What decides how the operands of a contraction are packed, for who plans it as for who does it.

#ifndef TORSHJIT_BUFFER_PACKEDPRODUCTS_H
#define TORSHJIT_BUFFER_PACKEDPRODUCTS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh {

/// Multiplications up to which a contraction is left as plain loops: packing would cost more than
/// it saves.
inline constexpr int64_t kMostPlainMultiplications = 4096;

/// Whether the body of a contraction widens an input as numbers without sign.
bool isZeroExtended(linalg::GenericOp contraction, unsigned input);

} // namespace mlir::torsh

#endif // TORSHJIT_BUFFER_PACKEDPRODUCTS_H
