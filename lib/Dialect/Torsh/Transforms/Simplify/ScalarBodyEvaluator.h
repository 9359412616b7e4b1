// SPDX-License-Identifier: Apache-2.0
// Evaluates an elementwise operation through its own scalar body.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_SCALARBODYEVALUATOR_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_SCALARBODYEVALUATOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// Evaluates the body of `op` on vectors of operand elements: `operands` holds
/// one vector constant of equal length for each operand, in its storage type, which
/// is also what the result has. Fails if the body holds
/// an operation that has no value for some element, or, unless `fast`, one that
/// is not exactly rounded.
FailureOr<DenseElementsAttr> evaluateScalarBody(ElementwiseOpInterface op,
                                                ArrayRef<DenseElementsAttr> operands, bool fast);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_SCALARBODYEVALUATOR_H
