// SPDX-License-Identifier: Apache-2.0
// Questions about constants, and replacements that keep types and checks.

#include "ConstantMatching.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::torsh;

DenseElementsAttr mlir::torsh::getConstantElements(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)))
    return {};
  return elements;
}

std::optional<double> mlir::torsh::getConstantSplat(Value value) {
  DenseElementsAttr elements = getConstantElements(value);
  if (!elements || !elements.isSplat())
    return std::nullopt;
  if (isa<FloatType>(elements.getElementType())) {
    APFloat number = elements.getSplatValue<APFloat>();
    bool losesInfo = false;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    return number.convertToDouble();
  }
  APInt number = elements.getSplatValue<APInt>();
  if (number.getBitWidth() == 1)
    return number.getZExtValue();
  int64_t integer = number.getSExtValue();
  // Between 2^53 and the ends of i64 a double would stand for a neighbour.
  if (llvm::AbsoluteValue(integer) > (uint64_t(1) << 53))
    return std::nullopt;
  return static_cast<double>(integer);
}

bool mlir::torsh::isConstantSplat(Value value, double number) {
  std::optional<double> splat = getConstantSplat(value);
  return splat && APFloat(*splat).bitwiseIsEqual(APFloat(number));
}

Value mlir::torsh::createSplat(OpBuilder &builder, Location loc, RankedTensorType type,
                               double number) {
  Type element = type.getElementType();
  if (auto floatType = dyn_cast<FloatType>(element)) {
    APFloat value(number);
    bool losesInfo = false;
    value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return ConstantOp::create(builder, loc, DenseElementsAttr::get(type, value));
  }
  APInt value(element.getIntOrFloatBitWidth(), static_cast<uint64_t>(static_cast<int64_t>(number)),
              /*isSigned=*/true, /*implicitTrunc=*/true);
  return ConstantOp::create(builder, loc, DenseElementsAttr::get(type, value));
}

bool mlir::torsh::hasRuntimeChecks(Operation *op) {
  auto constrained = dyn_cast<ExtentConstraintOpInterface>(op);
  if (!constrained)
    return false;
  SmallVector<ExtentConstraint> constraints;
  constrained.getExtentConstraints(constraints);
  return llvm::any_of(constraints, [&](const ExtentConstraint &constraint) {
    // An extent always equals itself.
    return constraint.otherOperand < 0 || constraint.axis != constraint.otherAxis ||
           op->getOperand(constraint.operand) != op->getOperand(constraint.otherOperand);
  });
}

LogicalResult mlir::torsh::replaceByValue(PatternRewriter &rewriter, Operation *op, Value value) {
  if (value.getType() != op->getResult(0).getType())
    return rewriter.notifyMatchFailure(op, "the value would have to be broadcast");
  if (hasRuntimeChecks(op))
    return rewriter.notifyMatchFailure(op, "a check of '?' extents would be lost");
  rewriter.replaceOp(op, value);
  return success();
}

LogicalResult mlir::torsh::replaceBySplat(PatternRewriter &rewriter, Operation *op, double number) {
  auto type = tensorType(op->getResult(0));
  if (!type.hasStaticShape())
    return rewriter.notifyMatchFailure(op, "a constant cannot have '?' extents");
  if (hasRuntimeChecks(op))
    return rewriter.notifyMatchFailure(op, "a check of '?' extents would be lost");
  rewriter.replaceOp(op, createSplat(rewriter, op->getLoc(), type, number));
  return success();
}

Location mlir::torsh::mergedLoc(Operation *first, Operation *second) {
  constexpr size_t kMostLocations = 8;
  auto count = [](Location loc) {
    auto fused = dyn_cast<FusedLoc>(loc);
    return fused ? fused.getLocations().size() : 1;
  };
  if (count(first->getLoc()) + count(second->getLoc()) > kMostLocations)
    return second->getLoc();
  return FusedLoc::get(first->getContext(), {first->getLoc(), second->getLoc()});
}
