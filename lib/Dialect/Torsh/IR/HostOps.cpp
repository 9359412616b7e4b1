// SPDX-License-Identifier: Apache-2.0
// Rules of the operations that the host program executes itself.

#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

LogicalResult HostCallOp::verify() {
  size_t open = 0;
  for (Type type : getResultTypes())
    open += cast<RankedTensorType>(type).getNumDynamicDims();
  if (getSizes().size() != open)
    return emitOpError("needs one size per '?' of its results");
  if (getCallee().empty())
    return emitOpError("needs the name of a function");
  return success();
}

void HostCallOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  if (getPure())
    return;
  effects.emplace_back(MemoryEffects::Read::get());
  effects.emplace_back(MemoryEffects::Write::get());
}

LogicalResult HostCallOp::reifyResultShapes(OpBuilder &builder,
                                            ReifiedRankedShapedTypeDims &shapes) {
  size_t next = 0;
  for (Type result : getResultTypes()) {
    SmallVector<OpFoldResult> extents;
    for (int64_t extent : cast<RankedTensorType>(result).getShape())
      extents.push_back(ShapedType::isDynamic(extent) ? OpFoldResult(getSizes()[next++])
                                                      : builder.getIndexAttr(extent));
    shapes.push_back(std::move(extents));
  }
  return success();
}
