// SPDX-License-Identifier: Apache-2.0
// A rewrite that a user states by example: one function for another.

#ifndef TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_APPLYREWRITE_H
#define TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_APPLYREWRITE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>

namespace mlir::torsh {

/// Replaces every place in `program` that computes what `pattern` does by what
/// `replacement` does. A place is the operations of the pattern with the same
/// attributes, connected alike; the pattern's arguments stand for any values of their
/// element type and rank. Operands of commutative operations match in either order,
/// constants without axes any constant of one value. Places are found from the last
/// operation to the first, and what was put in is not looked at again.
///
/// `where` is asked with the operands of a place, in the order of the arguments.
/// Returns how many places were replaced; reports a rule that can be none, and a
/// replacement of another type.
FailureOr<int64_t> applyRewrite(ModuleOp program, func::FuncOp pattern, func::FuncOp replacement,
                                std::function<bool(ValueRange)> where);

/// Whether a pair of functions is a rewrite; reports what cannot be in one.
LogicalResult verifyRewrite(func::FuncOp pattern, func::FuncOp replacement);

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_APPLYREWRITE_H
