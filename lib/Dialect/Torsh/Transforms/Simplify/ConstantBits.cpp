// SPDX-License-Identifier: Apache-2.0
// Constants as bit patterns and back.

#include "ConstantBits.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;
using namespace mlir::torsh;

/// The bytes of one element as DenseElementsAttr stores it, where that is whole
/// bytes in every version of MLIR: i1 may be packed.
static unsigned bytesPerElement(Type element) { return element.getIntOrFloatBitWidth() / 8; }

ConstantBits mlir::torsh::readBits(DenseElementsAttr elements) {
  ConstantBits result;
  if (elements.empty())
    return result;
  result.isSplat = elements.isSplat();
  size_t count = result.isSplat ? 1 : elements.getNumElements();
  if (elements.getElementType().isInteger(1)) {
    if (result.isSplat) {
      result.bits.push_back(elements.getSplatValue<bool>());
      return result;
    }
    result.bits.reserve(count);
    for (bool element : elements.getValues<bool>())
      result.bits.push_back(element);
    return result;
  }
  unsigned width = bytesPerElement(elements.getElementType());
  const char *raw = elements.getRawData().data();
  result.bits.assign(count, 0);
  for (size_t i = 0; i < count; ++i)
    std::memcpy(&result.bits[i], raw + i * width, width);
  return result;
}

DenseElementsAttr mlir::torsh::writeBits(ShapedType type, ArrayRef<uint64_t> bits) {
  Type element = type.getElementType();
  if (element.isInteger(1)) {
    SmallVector<bool> values(bits.begin(), bits.end());
    return DenseElementsAttr::get(type, ArrayRef<bool>(values));
  }
  unsigned width = bytesPerElement(element);
  SmallVector<char> raw(bits.size() * width);
  for (size_t i = 0; i < bits.size(); ++i)
    std::memcpy(raw.data() + i * width, &bits[i], width);
  return DenseElementsAttr::getFromRawBuffer(type, raw);
}

int64_t mlir::torsh::getNumBytes(ShapedType type) {
  int64_t bytes = std::max<int64_t>(1, bytesPerElement(type.getElementType()));
  for (int64_t extent : type.getShape())
    if (llvm::MulOverflow(bytes, extent, bytes))
      return std::numeric_limits<int64_t>::max();
  return bytes;
}

SmallVector<int64_t> mlir::torsh::rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}
