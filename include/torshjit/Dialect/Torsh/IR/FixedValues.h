// SPDX-License-Identifier: Apache-2.0
// Values that are the same at every call of a program.

#ifndef TORSHJIT_DIALECT_TORSH_IR_FIXEDVALUES_H
#define TORSHJIT_DIALECT_TORSH_IR_FIXEDVALUES_H

#include "mlir/IR/Operation.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// The unit attribute of an argument of the host function whose contents never change:
/// the weights of a program compiled with `freeze`.
inline constexpr llvm::StringLiteral kFrozenAttrName = "torsh.frozen";

/// The unit attribute of a launch that runs when the program is loaded; calls find its results.
inline constexpr llvm::StringLiteral kOnceAttrName = "torsh.once";

/// Whether a value is the same at every call: a constant, a frozen argument of known extents,
/// or what pure operations (launches among them) compute of such. Calls of the host are none.
/// In a kernel only what its own constants give is fixed; of its arguments ask
/// `isFixedInEveryLaunch`.
bool isFixed(Value value);

/// The launches of a kernel: a torsh.kernel or, past `kernels`, its function.
SmallVector<LaunchOp> getLaunches(Operation *kernel);

/// Whether each launch of a kernel is given a fixed value as its input number `input`. False where
/// nothing launches it.
bool isFixedInEveryLaunch(Operation *kernel, unsigned input);

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_IR_FIXEDVALUES_H
