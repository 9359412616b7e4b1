// SPDX-License-Identifier: Apache-2.0
// Builds the scalar body in a block of its own, on vectors that hold all elements
// at once, and folds its arith and math operations one after the other.

#include "ScalarBodyEvaluator.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"

using namespace mlir;
using namespace mlir::torsh;

/// Whether every correct implementation gives the same bits.
static bool isExactlyRounded(Operation *op) {
  return isa<arith::ArithDialect>(op->getDialect()) ||
         isa<math::AbsFOp, math::CeilOp, math::CopySignOp, math::FloorOp, math::RoundEvenOp,
             math::SqrtOp, math::TruncOp>(op);
}

/// Float comparison, which upstream folds for scalars only.
static DenseElementsAttr foldCompare(arith::CmpFOp op, ArrayRef<Attribute> operands) {
  auto lhs = cast<DenseElementsAttr>(operands[0]), rhs = cast<DenseElementsAttr>(operands[1]);
  SmallVector<bool> result;
  for (auto [x, y] : llvm::zip_equal(lhs.getValues<APFloat>(), rhs.getValues<APFloat>()))
    result.push_back(arith::applyCmpPredicate(op.getPredicate(), x, y));
  return DenseElementsAttr::get(cast<ShapedType>(op.getType()), ArrayRef<bool>(result));
}

/// Rounding to a narrower float, which upstream folds only where nothing is lost.
static DenseElementsAttr foldNarrowing(arith::TruncFOp op, ArrayRef<Attribute> operands) {
  auto type = cast<ShapedType>(op.getType());
  const llvm::fltSemantics &semantics = cast<FloatType>(type.getElementType()).getFloatSemantics();
  SmallVector<APFloat> result;
  for (APFloat value : cast<DenseElementsAttr>(operands[0]).getValues<APFloat>()) {
    bool losesInfo = false;
    value.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    result.push_back(value);
  }
  return DenseElementsAttr::get(type, result);
}

/// The value of the one result of `op`, or null.
static DenseElementsAttr foldOperation(Operation *op, ArrayRef<Attribute> operands,
                                       const DenseMap<Value, DenseElementsAttr> &values) {
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    return foldCompare(compare, operands);
  if (auto narrowing = dyn_cast<arith::TruncFOp>(op))
    return foldNarrowing(narrowing, operands);
  SmallVector<OpFoldResult> results;
  if (failed(op->fold(operands, results)) || results.size() != 1)
    return {};
  if (auto value = dyn_cast<Value>(results.front()))
    return values.lookup(value);
  return dyn_cast<DenseElementsAttr>(cast<Attribute>(results.front()));
}

FailureOr<DenseElementsAttr> mlir::torsh::evaluateScalarBody(ElementwiseOpInterface op,
                                                             ArrayRef<DenseElementsAttr> operands,
                                                             bool fast) {
  Block block;
  DenseMap<Value, DenseElementsAttr> values;
  for (DenseElementsAttr elements : operands)
    values[block.addArgument(elements.getType(), op.getLoc())] = elements;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointToEnd(&block);
  Type element = getStorageType(getElementTypeOrSelf(op->getResult(0).getType()));
  Value result = op.buildScalarBody(builder, op.getLoc(), block.getArguments(), element);

  for (Operation &inner : block) {
    if (!fast && !isExactlyRounded(&inner))
      return failure();
    SmallVector<Attribute> inputs;
    for (Value operand : inner.getOperands())
      inputs.push_back(values.lookup(operand));
    DenseElementsAttr value = foldOperation(&inner, inputs, values);
    if (!value)
      return failure();
    values[inner.getResult(0)] = value;
  }
  return values.lookup(result);
}
