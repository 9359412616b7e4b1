// SPDX-License-Identifier: Apache-2.0
// What is true of some operations and has no methods.

#ifndef TORSHJIT_DIALECT_TORSH_IR_TORSHTRAITS_H
#define TORSHJIT_DIALECT_TORSH_IR_TORSHTRAITS_H

#include "mlir/IR/OpDefinition.h"

namespace mlir::torsh {

/// A reduction that has a value over no elements: zero for a sum, NaN for a mean.
/// One without the trait refuses an axis of extent 0.
template <typename ConcreteType>
class DefinedOnEmptyAxes : public OpTrait::TraitBase<ConcreteType, DefinedOnEmptyAxes> {};

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_IR_TORSHTRAITS_H
