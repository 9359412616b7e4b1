// SPDX-License-Identifier: Apache-2.0
// Folders: rewrites that lose nothing and need no new operation. Constant
// folding of whole operations is a pass (torsh-fold-constants), so that a
// pipeline can bound what it costs.

#include "mlir/IR/Matchers.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

/// Whether `attr` is a splat of one number.
static bool isSplatOf(Attribute attr, double number) {
  auto elements = dyn_cast_if_present<DenseElementsAttr>(attr);
  if (!elements || !elements.isSplat())
    return false;
  if (isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().isExactlyValue(number);
  return elements.getSplatValue<APInt>() == static_cast<uint64_t>(static_cast<int64_t>(number));
}

/// `kept`, if the operation's result has its type.
static OpFoldResult keepIfSameType(Operation *op, Value kept) {
  return kept.getType() == op->getResult(0).getType() ? OpFoldResult(kept) : OpFoldResult();
}

// x + -0.0 is x for every float, while x + 0.0 turns -0.0 into 0.0.
OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  bool isFloat = isa<FloatType>(getResult().getType().getElementType());
  auto isZero = [&](Attribute attr) { return isSplatOf(attr, isFloat ? -0.0 : 0); };
  if (isZero(adaptor.getRhs()))
    return keepIfSameType(*this, getLhs());
  if (isZero(adaptor.getLhs()))
    return keepIfSameType(*this, getRhs());
  return {};
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  return isSplatOf(adaptor.getRhs(), 0) ? keepIfSameType(*this, getLhs()) : OpFoldResult();
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (isSplatOf(adaptor.getRhs(), 1))
    return keepIfSameType(*this, getLhs());
  if (isSplatOf(adaptor.getLhs(), 1))
    return keepIfSameType(*this, getRhs());
  return {};
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  return isSplatOf(adaptor.getRhs(), 1) ? keepIfSameType(*this, getLhs()) : OpFoldResult();
}

OpFoldResult NegOp::fold(FoldAdaptor) {
  if (auto inner = getInput().getDefiningOp<NegOp>())
    return inner.getInput();
  return {};
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  auto type = getResult().getType();
  if (type.hasStaticShape()) {
    if (getInput().getType() == type)
      return getInput();
    if (auto inner = getInput().getDefiningOp<ReshapeOp>();
        inner && inner.getInput().getType() == type)
      return inner.getInput();
    if (auto elements = dyn_cast_if_present<DenseElementsAttr>(adaptor.getInput()))
      return elements.reshape(type);
  }
  return {};
}

OpFoldResult PermuteOp::fold(FoldAdaptor) {
  for (auto [i, axis] : llvm::enumerate(getPermutation()))
    if (static_cast<int64_t>(i) != axis)
      return {};
  return getInput();
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  auto type = getInput().getType();
  if (type != getType() || !type.hasStaticShape())
    return {};
  for (int64_t stride : getStride())
    if (stride != 1)
      return {};
  return getInput();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs().front()) : OpFoldResult();
}
