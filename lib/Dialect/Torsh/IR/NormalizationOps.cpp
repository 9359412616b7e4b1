// SPDX-License-Identifier: Apache-2.0
// The normalisations: their checks, and their meaning in simpler operations.

#include "torshjit/Dialect/Torsh/IR/TorshBuilders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static LogicalResult verifyAxis(Operation *op, Value input, int64_t axis) {
  if (axis < 0 || axis >= tensorType(input).getRank())
    return op->emitOpError("axis ") << axis << " is out of range for " << input.getType();
  return success();
}

/// Checks that `operand`, if there, has the given shape and the input's element type.
static LogicalResult verifyShape(Operation *op, StringRef name, Value operand, Value input,
                                 ArrayRef<int64_t> shape) {
  if (!operand)
    return success();
  auto expected = RankedTensorType::get(shape, tensorType(input).getElementType());
  if (failed(verifyCompatibleShape(expected, operand.getType())) ||
      tensorType(operand).getElementType() != expected.getElementType())
    return op->emitOpError(name) << " must be " << expected << ", got " << operand.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::verify() { return verifyAxis(*this, getInput(), getAxis()); }
LogicalResult LogSoftmaxOp::verify() { return verifyAxis(*this, getInput(), getAxis()); }

FailureOr<SmallVector<Value>> SoftmaxOp::decompose(OpBuilder &builder) {
  GraphBuilder f(builder, getLoc());
  auto axis = static_cast<int64_t>(getAxis());
  Value x = f.widen(getInput());
  Value e = f.exp(f.sub(x, f.amax(x, axis, /*keepdims=*/true)));
  Value result = f.div(e, f.sum(e, axis, /*keepdims=*/true));
  return SmallVector<Value>{f.cast(result, tensorType(getInput()).getElementType())};
}

FailureOr<SmallVector<Value>> LogSoftmaxOp::decompose(OpBuilder &builder) {
  GraphBuilder f(builder, getLoc());
  auto axis = static_cast<int64_t>(getAxis());
  Value x = f.widen(getInput());
  Value shifted = f.sub(x, f.amax(x, axis, /*keepdims=*/true));
  Value result = f.sub(shifted, f.log(f.sum(f.exp(shifted), axis, /*keepdims=*/true)));
  return SmallVector<Value>{f.cast(result, tensorType(getInput()).getElementType())};
}

//===----------------------------------------------------------------------===//
// Layer norm
//===----------------------------------------------------------------------===//

LogicalResult LayerNormOp::verify() {
  auto type = tensorType(getInput());
  auto axes = static_cast<int64_t>(getNumAxes());
  if (axes < 1 || axes > type.getRank())
    return emitOpError("num_axes ") << axes << " is out of range for " << type;
  ArrayRef<int64_t> shape = type.getShape().take_back(axes);
  if (failed(verifyShape(*this, "weight", getWeight(), getInput(), shape)) ||
      failed(verifyShape(*this, "bias", getBias(), getInput(), shape)))
    return failure();
  return success();
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

LogicalResult BatchNormOp::verify() {
  auto type = tensorType(getInput());
  if (type.getRank() < 2)
    return emitOpError("input must have rank 2 or more, got ") << type;
  int64_t channels = type.getDimSize(1);
  for (auto [name, operand] :
       {std::pair<StringRef, Value>("mean", getMean()), {"variance", getVariance()},
        {"weight", getWeight()}, {"bias", getBias()}})
    if (failed(verifyShape(*this, name, operand, getInput(), {channels})))
      return failure();
  return success();
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
  Value scale =
      f.rsqrt(f.add(f.widen(getVariance()), f.scalarLike(x, getEps().convertToDouble())));
  if (getWeight())
    scale = f.mul(scale, f.widen(getWeight()));
  // One multiply and one add per element: x * scale + (bias - mean * scale).
  Value shift = f.mul(f.widen(getMean()), scale);
  shift = getBias() ? f.sub(f.widen(getBias()), shift) : f.neg(shift);
  Value result = f.add(f.mul(x, column(scale)), column(shift));
  return SmallVector<Value>{f.cast(result, type.getElementType())};
}
