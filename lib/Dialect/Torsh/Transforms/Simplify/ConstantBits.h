// SPDX-License-Identifier: Apache-2.0
// The elements of a constant as bit patterns, in row-major order: one form for all
// element types, in which elements are moved, compared and put together again.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_CONSTANTBITS_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_CONSTANTBITS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::torsh {

/// Bit patterns of elements; a splat has one, whatever its shape.
struct ConstantBits {
  SmallVector<uint64_t> bits;
  bool isSplat = false;

  uint64_t operator[](int64_t position) const { return bits[isSplat ? 0 : position]; }
};

ConstantBits readBits(DenseElementsAttr elements);

/// The constant of `type` with these elements, of which there is one for all or
/// one for each.
DenseElementsAttr writeBits(ShapedType type, ArrayRef<uint64_t> bits);

/// The bytes that a constant of `type` takes.
int64_t getNumBytes(ShapedType type);

/// The distances between neighbours along each axis of a row-major shape.
SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape);

/// Calls `visit` with the position that each element of `shape`, in row-major
/// order, has under the given strides.
template <typename Fn>
void forEachPosition(ArrayRef<int64_t> shape, ArrayRef<int64_t> strides, int64_t offset,
                     Fn &&visit) {
  for (int64_t extent : shape)
    if (extent == 0)
      return;
  SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    visit(offset);
    int64_t axis = static_cast<int64_t>(shape.size()) - 1;
    for (; axis >= 0; --axis) {
      offset += strides[axis];
      if (++index[axis] < shape[axis])
        break;
      offset -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
    if (axis < 0)
      return;
  }
}

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_SIMPLIFY_CONSTANTBITS_H
