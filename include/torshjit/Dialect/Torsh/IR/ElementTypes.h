// SPDX-License-Identifier: Apache-2.0
// What the element types of the dialect are below it: unsigned integers (ui8) are
// stored, and computed with, as integers without a sign in their type (i8). Which
// operation that needs is decided where a torsh operation is lowered, since only its
// own operands say whether they are signed.

#ifndef TORSHJIT_DIALECT_TORSH_IR_ELEMENTTYPES_H
#define TORSHJIT_DIALECT_TORSH_IR_ELEMENTTYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

namespace mlir::torsh {

/// Whether a type is an unsigned integer, or a tensor of them.
inline bool isUnsigned(Type type) { return getElementTypeOrSelf(type).isUnsignedInteger(); }

/// The element type in which elements of type `element` are stored.
inline Type getStorageType(Type element) {
  if (element.isUnsignedInteger())
    return IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth());
  return element;
}

/// The tensor type with the elements of `type` as they are stored.
inline RankedTensorType getStorageType(RankedTensorType type) {
  return type.clone(getStorageType(type.getElementType()));
}

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_IR_ELEMENTTYPES_H
