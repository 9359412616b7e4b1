// SPDX-License-Identifier: Apache-2.0
// The normalisations: their checks, and their meaning in simpler operations.

#include "torshjit/Dialect/Torsh/IR/TorshBuilders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

static LogicalResult verifyAxis(Operation *op, Value input, int64_t axis) {
  if (axis < 0 || axis >= tensorType(input).getRank())
    return op->emitOpError("axis ") << axis << " is out of range for " << input.getType();
  return success();
}

/// Joins the extents of `shape`, from `axis` on, with those of an operand that
/// belongs to these axes; false if it has another rank, other extents, or another
/// element type than `input`.
static bool joinExtents(RankedTensorType input, Value operand, int64_t axis, int64_t numAxes,
                        MutableArrayRef<int64_t> shape) {
  auto type = tensorType(operand);
  if (type.getRank() != numAxes || type.getElementType() != input.getElementType())
    return false;
  for (auto [own, joined] : llvm::zip_equal(type.getShape(), shape.slice(axis, numAxes))) {
    if (ShapedType::isDynamic(joined))
      joined = own;
    else if (!ShapedType::isDynamic(own) && own != joined)
      return false;
  }
  return true;
}

/// Appends that every operand has the extents of the input's axes from `axis` on.
static void constrainExtents(Operation *op, int64_t axis, int64_t numAxes,
                             SmallVectorImpl<ExtentConstraint> &constraints) {
  for (int64_t i = 0; i < numAxes; ++i) {
    // The first `?` is compared with every other one, and with a static extent.
    std::optional<std::pair<int64_t, int64_t>> first;
    int64_t fixed = ShapedType::kDynamic;
    for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
      int64_t own = number == 0 ? axis + i : i;
      int64_t extent = tensorType(operand).getDimSize(own);
      if (!ShapedType::isDynamic(extent))
        fixed = extent;
      else if (first)
        constraints.push_back({first->first, first->second, static_cast<int64_t>(number), own});
      else
        first = {static_cast<int64_t>(number), own};
    }
    if (first && !ShapedType::isDynamic(fixed))
      constraints.push_back({first->first, first->second, -1, fixed});
  }
}

/// Whether there is nothing along `axis`, so that the result is as empty as the input.
static bool isEmptyAlong(Value input, int64_t axis) {
  return tensorType(input).getDimSize(axis) == 0;
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::verify() { return verifyAxis(*this, getInput(), getAxis()); }
LogicalResult LogSoftmaxOp::verify() { return verifyAxis(*this, getInput(), getAxis()); }

/// The largest element along an axis. Where the axis turns out to be empty, so is
/// the softmax, and nobody reads it.
static Value largestAlong(GraphBuilder &f, Value x, int64_t axis) {
  Value largest = f.amax(x, axis, /*keepdims=*/true);
  largest.getDefiningOp()->setAttr(kMayBeEmptyAttrName, UnitAttr::get(x.getContext()));
  return largest;
}

FailureOr<SmallVector<Value>> SoftmaxOp::decompose(OpBuilder &builder) {
  GraphBuilder f(builder, getLoc());
  auto axis = static_cast<int64_t>(getAxis());
  if (isEmptyAlong(getInput(), axis))
    return SmallVector<Value>{getInput()};
  Value x = f.widen(getInput());
  Value e = f.exp(f.sub(x, largestAlong(f, x, axis)));
  Value result = f.div(e, f.sum(e, axis, /*keepdims=*/true));
  return SmallVector<Value>{f.cast(result, tensorType(getInput()).getElementType())};
}

FailureOr<SmallVector<Value>> LogSoftmaxOp::decompose(OpBuilder &builder) {
  GraphBuilder f(builder, getLoc());
  auto axis = static_cast<int64_t>(getAxis());
  if (isEmptyAlong(getInput(), axis))
    return SmallVector<Value>{getInput()};
  Value x = f.widen(getInput());
  Value shifted = f.sub(x, largestAlong(f, x, axis));
  Value result = f.sub(shifted, f.log(f.sum(f.exp(shifted), axis, /*keepdims=*/true)));
  return SmallVector<Value>{f.cast(result, tensorType(getInput()).getElementType())};
}

//===----------------------------------------------------------------------===//
// Layer norm
//===----------------------------------------------------------------------===//

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto type = tensorType(adaptor.getInput());
  auto numAxes = static_cast<int64_t>(adaptor.getNumAxes());
  if (numAxes < 1 || numAxes > type.getRank())
    return emitOptionalError(loc, getOperationName(), ": num_axes ", numAxes,
                             " is out of range for ", type);
  SmallVector<int64_t> shape(type.getShape());
  for (auto [name, operand] :
       {std::pair<StringRef, Value>("weight", adaptor.getWeight()), {"bias", adaptor.getBias()}})
    if (operand && !joinExtents(type, operand, type.getRank() - numAxes, numAxes, shape))
      return emitOptionalError(loc, getOperationName(), ": ", name,
                               " must have the element type and the last ", numAxes, " extents of ",
                               type, ", got ", operand.getType());
  types.push_back(type.clone(shape));
  return success();
}

void LayerNormOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  auto numAxes = static_cast<int64_t>(getNumAxes());
  constrainExtents(*this, tensorType(getInput()).getRank() - numAxes, numAxes, constraints);
}

FailureOr<SmallVector<Value>> LayerNormOp::decompose(OpBuilder &builder) {
  GraphBuilder f(builder, getLoc());
  auto type = tensorType(getInput());
  auto numAxes = static_cast<int64_t>(getNumAxes());
  SmallVector<int64_t> axes;
  for (int64_t axis = type.getRank() - numAxes; axis < type.getRank(); ++axis)
    axes.push_back(axis);
  Value x = f.widen(getInput());
  // The mean of squared differences, not the difference of mean squares: the
  // latter cancels.
  Value centered = f.sub(x, f.mean(x, axes, /*keepdims=*/true));
  Value variance = f.mean(f.mul(centered, centered), axes, /*keepdims=*/true);
  Value scale = f.rsqrt(f.add(variance, f.scalarLike(x, getEps().convertToDouble())));
  Value result = f.mul(centered, scale);
  if (getWeight())
    result = f.mul(result, f.widen(getWeight()));
  if (getBias())
    result = f.add(result, f.widen(getBias()));
  return SmallVector<Value>{f.cast(result, type.getElementType())};
}

//===----------------------------------------------------------------------===//
// Batch norm
//===----------------------------------------------------------------------===//

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto type = tensorType(adaptor.getInput());
  if (type.getRank() < 2)
    return emitOptionalError(loc, getOperationName(), ": input must have rank 2 or more, got ",
                             type);
  SmallVector<int64_t> shape(type.getShape());
  for (auto [name, operand] : {std::pair<StringRef, Value>("mean", adaptor.getMean()),
                               {"variance", adaptor.getVariance()},
                               {"weight", adaptor.getWeight()},
                               {"bias", adaptor.getBias()}})
    if (operand && !joinExtents(type, operand, /*axis=*/1, /*numAxes=*/1, shape))
      return emitOptionalError(loc, getOperationName(), ": ", name,
                               " must have the element type and the extent of axis 1 of ", type,
                               ", got ", operand.getType());
  types.push_back(type.clone(shape));
  return success();
}

void BatchNormOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  constrainExtents(*this, /*axis=*/1, /*numAxes=*/1, constraints);
}

FailureOr<SmallVector<Value>> BatchNormOp::decompose(OpBuilder &builder) {
  GraphBuilder f(builder, getLoc());
  auto type = tensorType(getInput());
  // The statistics as (channels, 1, ...), to broadcast against axis 1.
  auto column = [&](Value vector) {
    Value wide = f.widen(vector);
    SmallVector<int64_t> shape(type.getRank() - 1, 1);
    shape.front() = tensorType(vector).getDimSize(0);
    return f.reshape(wide, shape);
  };
  Value x = f.widen(getInput());
  Value scale = f.rsqrt(f.add(f.widen(getVariance()), f.scalarLike(x, getEps().convertToDouble())));
  if (getWeight())
    scale = f.mul(scale, f.widen(getWeight()));
  // One multiply and one add per element: x * scale + (bias - mean * scale).
  Value shift = f.mul(f.widen(getMean()), scale);
  shift = getBias() ? f.sub(f.widen(getBias()), shift) : f.neg(shift);
  Value result = f.add(f.mul(x, column(scale)), column(shift));
  return SmallVector<Value>{f.cast(result, type.getElementType())};
}
