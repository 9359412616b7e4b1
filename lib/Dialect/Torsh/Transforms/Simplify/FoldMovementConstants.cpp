// SPDX-License-Identifier: Apache-2.0
// Moves the elements of constants when the program is compiled.

#include "ConstantBits.h"
#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// A pattern on constants that is held to the limits.
template <typename OpTy> struct BoundedPattern : OpRewritePattern<OpTy> {
  BoundedPattern(MLIRContext *context, const ConstantFoldingLimits &limits)
      : OpRewritePattern<OpTy>(context), limits(limits) {}

  LogicalResult checkSize(OpTy op, PatternRewriter &rewriter) const {
    if (!tensorType(op.getResult()).hasStaticShape())
      return rewriter.notifyMatchFailure(op, "a constant cannot have '?' extents");
    if (getNumBytes(tensorType(op.getResult())) > limits.maxBytes)
      return rewriter.notifyMatchFailure(op, "the result would exceed max-bytes");
    return success();
  }

  ConstantFoldingLimits limits;
};

/// Where a movement reads the elements of its result: `offset` plus a distance
/// along each axis of the result.
struct Reading {
  int64_t offset = 0;
  SmallVector<int64_t> strides;
};

Reading getReading(PermuteOp op) {
  SmallVector<int64_t> input = rowMajorStrides(tensorType(op.getInput()).getShape());
  Reading reading;
  for (int64_t axis : op.getPermutation())
    reading.strides.push_back(input[axis]);
  return reading;
}

Reading getReading(SliceOp op) {
  Reading reading;
  SmallVector<int64_t> input = rowMajorStrides(tensorType(op.getInput()).getShape());
  for (auto [axis, extent] : llvm::enumerate(tensorType(op.getResult()).getShape())) {
    // The bounds of an axis with fewer than two elements may be anything.
    reading.offset += extent ? op.getStart()[axis] * input[axis] : 0;
    reading.strides.push_back(extent > 1 ? op.getStride()[axis] * input[axis] : 0);
  }
  return reading;
}

Reading getReading(BroadcastOp op) {
  auto input = tensorType(op.getInput()), result = tensorType(op.getResult());
  SmallVector<int64_t> own = rowMajorStrides(input.getShape());
  Reading reading;
  reading.strides.assign(result.getRank() - input.getRank(), 0);
  for (auto [extent, stride] : llvm::zip_equal(input.getShape(), own))
    reading.strides.push_back(extent == 1 ? 0 : stride);
  return reading;
}

Reading getReading(ReshapeOp op) {
  return {0, rowMajorStrides(tensorType(op.getResult()).getShape())};
}

// Pattern: movement(constant) -> constant [if a splat or the limits allow]
template <typename OpTy> struct FoldMovement : BoundedPattern<OpTy> {
  using BoundedPattern<OpTy>::BoundedPattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    DenseElementsAttr elements = getConstantElements(op.getInput());
    if (!elements)
      return rewriter.notifyMatchFailure(op, "the operand is not constant");
    auto type = tensorType(op.getResult());
    if (elements.isSplat() && type.hasStaticShape()) {
      rewriter.replaceOpWithNewOp<ConstantOp>(op, elements.resizeSplat(type));
      return success();
    }
    if (failed(this->checkSize(op, rewriter)))
      return failure();
    ConstantBits input = readBits(elements);
    Reading reading = getReading(op);
    SmallVector<uint64_t> result;
    result.reserve(type.getNumElements());
    forEachPosition(type.getShape(), reading.strides, reading.offset,
                    [&](int64_t position) { result.push_back(input[position]); });
    rewriter.replaceOpWithNewOp<ConstantOp>(op, writeBits(type, result));
    return success();
  }
};

/// Writes the elements of a `shape` into a part of a larger one, from `offset` on.
void writePart(const ConstantBits &part, ArrayRef<int64_t> shape, ArrayRef<int64_t> strides,
               int64_t offset, MutableArrayRef<uint64_t> result) {
  int64_t next = 0;
  forEachPosition(shape, strides, offset,
                  [&](int64_t position) { result[position] = part[next++]; });
}

/// Whether every element is `bits`.
bool isSplatOf(const ConstantBits &part, uint64_t bits) { return part.isSplat && part[0] == bits; }

// Pattern: concat(constant...) -> constant [if equal splats or the limits allow]
struct FoldConcat : BoundedPattern<ConcatOp> {
  using BoundedPattern::BoundedPattern;

  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    SmallVector<ConstantBits> parts;
    for (Value input : op.getInputs()) {
      DenseElementsAttr elements = getConstantElements(input);
      if (!elements)
        return rewriter.notifyMatchFailure(op, "an operand is not constant");
      parts.push_back(readBits(elements));
    }
    auto type = tensorType(op.getResult());
    if (parts.front().isSplat && llvm::all_of(parts, [&](const ConstantBits &part) {
          return isSplatOf(part, parts.front()[0]);
        })) {
      rewriter.replaceOpWithNewOp<ConstantOp>(op, writeBits(type, parts.front().bits));
      return success();
    }
    if (failed(checkSize(op, rewriter)))
      return failure();
    SmallVector<int64_t> strides = rowMajorStrides(type.getShape());
    SmallVector<uint64_t> result(type.getNumElements());
    int64_t offset = 0;
    for (auto [part, input] : llvm::zip_equal(parts, op.getInputs())) {
      ArrayRef<int64_t> shape = tensorType(input).getShape();
      writePart(part, shape, strides, offset, result);
      offset += shape[op.getAxis()] * strides[op.getAxis()];
    }
    rewriter.replaceOpWithNewOp<ConstantOp>(op, writeBits(type, result));
    return success();
  }
};

// Pattern: pad(constant, constant) -> constant [if equal splats or the limits allow]
struct FoldPad : BoundedPattern<PadOp> {
  using BoundedPattern::BoundedPattern;

  LogicalResult matchAndRewrite(PadOp op, PatternRewriter &rewriter) const override {
    DenseElementsAttr elements = getConstantElements(op.getInput());
    DenseElementsAttr value = getConstantElements(op.getValue());
    if (!elements || !value)
      return rewriter.notifyMatchFailure(op, "an operand is not constant");
    auto type = tensorType(op.getResult());
    ConstantBits input = readBits(elements);
    uint64_t margin = readBits(value)[0];
    if (isSplatOf(input, margin)) {
      rewriter.replaceOpWithNewOp<ConstantOp>(op, writeBits(type, margin));
      return success();
    }
    if (failed(checkSize(op, rewriter)))
      return failure();
    SmallVector<int64_t> strides = rowMajorStrides(type.getShape());
    SmallVector<uint64_t> result(type.getNumElements(), margin);
    int64_t offset = 0;
    for (auto [low, stride] : llvm::zip_equal(op.getLow(), strides))
      offset += low * stride;
    writePart(input, elements.getType().getShape(), strides, offset, result);
    rewriter.replaceOpWithNewOp<ConstantOp>(op, writeBits(type, result));
    return success();
  }
};

// Pattern: iota -> constant [if static and the limits allow]
struct FoldIota : BoundedPattern<IotaOp> {
  using BoundedPattern::BoundedPattern;

  LogicalResult matchAndRewrite(IotaOp op, PatternRewriter &rewriter) const override {
    if (failed(checkSize(op, rewriter)))
      return failure();
    auto type = tensorType(op.getResult());
    auto floatType = dyn_cast<FloatType>(type.getElementType());
    SmallVector<int64_t> strides(type.getRank(), 0);
    strides[op.getAxis()] = 1;
    SmallVector<uint64_t> result;
    result.reserve(type.getNumElements());
    forEachPosition(type.getShape(), strides, 0, [&](int64_t position) {
      if (!floatType)
        return result.push_back(position);
      APFloat number(floatType.getFloatSemantics());
      number.convertFromAPInt(APInt(64, position), /*IsSigned=*/true, APFloat::rmNearestTiesToEven);
      result.push_back(number.bitcastToAPInt().getZExtValue());
    });
    rewriter.replaceOpWithNewOp<ConstantOp>(op, writeBits(type, result));
    return success();
  }
};

} // namespace

void mlir::torsh::populateFoldMovementConstantsPatterns(RewritePatternSet &patterns,
                                                        const ConstantFoldingLimits &limits) {
  patterns.add<FoldMovement<BroadcastOp>, FoldMovement<PermuteOp>, FoldMovement<ReshapeOp>,
               FoldMovement<SliceOp>, FoldConcat, FoldPad, FoldIota>(patterns.getContext(), limits);
}
