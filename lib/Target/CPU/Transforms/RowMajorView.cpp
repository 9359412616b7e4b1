// SPDX-License-Identifier: Apache-2.0
// Memrefs made of a pointer and extents.

#include "RowMajorView.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

OpFoldResult mlir::torsh::multiplySizes(OpBuilder &builder, Location loc, OpFoldResult x,
                                        OpFoldResult y) {
  std::optional<int64_t> left = getConstantIntValue(x), right = getConstantIntValue(y);
  if (left && right)
    return builder.getIndexAttr(*left * *right);
  Value a = getValueOrCreateConstantIndexOp(builder, loc, x);
  Value b = getValueOrCreateConstantIndexOp(builder, loc, y);
  return arith::MulIOp::create(builder, loc, a, b).getResult();
}

Value mlir::torsh::viewRowMajor(OpBuilder &builder, Location loc, Value pointer, MemRefType type,
                                ArrayRef<OpFoldResult> sizes) {
  if (type.getRank() == 0)
    return pointer;
  // The outermost extent is in none of the strides.
  SmallVector<OpFoldResult> strides(type.getRank());
  OpFoldResult stride = builder.getIndexAttr(1);
  for (int64_t axis = type.getRank(); axis-- > 0;) {
    strides[axis] = stride;
    if (axis)
      stride = multiplySizes(builder, loc, stride, sizes[axis]);
  }
  SmallVector<int64_t> staticStrides;
  for (OpFoldResult value : strides)
    staticStrides.push_back(getConstantIntValue(value).value_or(ShapedType::kDynamic));
  auto viewType = MemRefType::get(type.getShape(), type.getElementType(),
                                  StridedLayoutAttr::get(builder.getContext(), 0, staticStrides));
  Value view = memref::ReinterpretCastOp::create(builder, loc, viewType, pointer,
                                                 builder.getIndexAttr(0), sizes, strides);
  if (viewType != type)
    view = memref::CastOp::create(builder, loc, type, view);
  return view;
}
