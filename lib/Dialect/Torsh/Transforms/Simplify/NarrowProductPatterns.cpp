// SPDX-License-Identifier: Apache-2.0
// Products of widened bytes as products of bytes, which processors multiply four at a
// time. What is taken off the bytes first, a zero point z, leaves the product and
// becomes sums of one operand:
//   sum (a - z) (b - y) = sum a b - z sum (b - y) - y sum a
// exactly, since integers wrap around.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

/// Rows (or columns) of a product below which reading an operand once more, for its
/// sums, costs about what multiplying bytes saves.
static constexpr int64_t kFewRows = 8;

namespace {

/// A factor of a product in i32: bytes, widened, less a zero point.
struct WidenedBytes {
  Value bytes;
  Value zero;         // i32; null where nothing is taken off
  Value negativeZero; // or a constant that is added
  Value wide;         // the factor itself
  bool hasZero() const { return zero || negativeZero; }

  /// The zero point as an i32 tensor.
  Value getZero(OpBuilder &builder, Location loc) const {
    return zero ? zero : NegOp::create(builder, loc, negativeZero).getResult();
  }
};

bool isByte(Type type) { return isa<IntegerType>(type) && type.getIntOrFloatBitWidth() == 8; }

/// The bytes that `value` is a cast of, or null.
Value castBytes(Value value) {
  auto cast = value.getDefiningOp<CastOp>();
  if (!cast || !cast.getDtype().isSignlessInteger(32) ||
      !isByte(tensorType(cast.getInput()).getElementType()))
    return {};
  return cast.getInput();
}

/// Reads a factor; its zero point is one for all elements along `axis`, counted from
/// the last.
std::optional<WidenedBytes> readFactor(Value value, int64_t axis) {
  WidenedBytes factor;
  factor.wide = value;
  factor.bytes = castBytes(value);
  if (factor.bytes)
    return factor;
  Value widened;
  if (auto sub = value.getDefiningOp<SubOp>()) {
    widened = sub.getLhs();
    factor.zero = sub.getRhs();
  } else if (auto add = value.getDefiningOp<AddOp>()) {
    bool isFirst = static_cast<bool>(castBytes(add.getLhs()));
    widened = isFirst ? add.getLhs() : add.getRhs();
    factor.negativeZero = isFirst ? add.getRhs() : add.getLhs();
  } else {
    return std::nullopt;
  }
  factor.bytes = castBytes(widened);
  auto zero = tensorType(factor.zero ? factor.zero : factor.negativeZero);
  if (!factor.bytes || widened.getType() != value.getType() ||
      hasRuntimeChecks(value.getDefiningOp()))
    return std::nullopt;
  if (zero.getRank() > axis && zero.getDimSize(zero.getRank() - 1 - axis) != 1)
    return std::nullopt;
  return factor;
}

bool isFew(int64_t extent) { return !ShapedType::isDynamic(extent) && extent < kFewRows; }

/// The sum of an i32 factor along an axis counted from the last.
Value sumAlong(OpBuilder &builder, Location loc, Value factor, int64_t axis, bool keepdims) {
  return SumOp::create(builder, loc, factor, {tensorType(factor).getRank() - 1 - axis}, keepdims);
}

/// `product` less `zero` times `sums`.
Value takeOff(OpBuilder &builder, Location loc, Value product, Value zero, Value sums) {
  return SubOp::create(builder, loc, product, MulOp::create(builder, loc, zero, sums));
}

bool isWide(Operation *op) {
  return !op->hasAttr("dtype") &&
         tensorType(op->getResult(0)).getElementType().isSignlessInteger(32);
}

// Pattern: matmul(cast(a) - z, cast(b) - y) -> matmul(a, b) in i32 - z * sum(cast(b) - y) -
//          y * sum(cast(a)) [if a and b are bytes, z and y are none or constant along the sums]
struct NarrowMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    if (!isWide(op))
      return rewriter.notifyMatchFailure(op, "not a product in i32");
    std::optional<WidenedBytes> lhs = readFactor(op.getLhs(), 0), rhs = readFactor(op.getRhs(), 1);
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(op, "an operand is not of widened bytes");
    if ((lhs->hasZero() && isFew(tensorType(op.getLhs()).getShape().drop_back().back())) ||
        (rhs->hasZero() && isFew(tensorType(op.getRhs()).getShape().back())))
      return rewriter.notifyMatchFailure(op, "sums cost as much as the product");
    Location loc = op.getLoc();
    Value result = MatmulOp::create(rewriter, loc, lhs->bytes, rhs->bytes,
                                    TypeAttr::get(rewriter.getI32Type()));
    if (lhs->hasZero())
      result = takeOff(rewriter, loc, result, lhs->getZero(rewriter, loc),
                       sumAlong(rewriter, loc, rhs->wide, 1, /*keepdims=*/true));
    if (rhs->hasZero()) {
      Value wide = CastOp::create(rewriter, loc, lhs->bytes, rewriter.getI32Type());
      result = takeOff(rewriter, loc, result, rhs->getZero(rewriter, loc),
                       sumAlong(rewriter, loc, wide, 0, /*keepdims=*/true));
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

// Pattern: linear(cast(x) - z, cast(w) - y, b) -> linear(x, w, b) in i32 - z * sum(cast(w) - y) -
//          y * sum(cast(x)) [if x and w are bytes, z and y are none or constant along the sums]
struct NarrowLinear : OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    if (!isWide(op))
      return rewriter.notifyMatchFailure(op, "not a product in i32");
    std::optional<WidenedBytes> input = readFactor(op.getInput(), 0),
                                weight = readFactor(op.getWeight(), 0);
    if (!input || !weight)
      return rewriter.notifyMatchFailure(op, "an operand is not of widened bytes");
    auto type = tensorType(op.getInput());
    int64_t rows = 1;
    for (int64_t extent : type.getShape().drop_back())
      rows = ShapedType::isDynamic(extent) || rows < 0 ? -1 : rows * extent;
    if ((input->hasZero() && rows >= 0 && rows < kFewRows) ||
        (weight->hasZero() && isFew(tensorType(op.getWeight()).getDimSize(0))))
      return rewriter.notifyMatchFailure(op, "sums cost as much as the product");
    Location loc = op.getLoc();
    Value result = LinearOp::create(rewriter, loc, input->bytes, weight->bytes, op.getBias(),
                                    TypeAttr::get(rewriter.getI32Type()));
    if (input->hasZero())
      result = takeOff(rewriter, loc, result, input->getZero(rewriter, loc),
                       sumAlong(rewriter, loc, weight->wide, 0, /*keepdims=*/false));
    if (weight->hasZero()) {
      Value wide = CastOp::create(rewriter, loc, input->bytes, rewriter.getI32Type());
      // One for each row of the weight is one for each column of the result.
      Value zero = weight->getZero(rewriter, loc);
      auto zeroType = tensorType(zero);
      if (zeroType.getRank() > 0) {
        SmallVector<int64_t> shape;
        if (zeroType.getRank() == 2 && zeroType.getDimSize(0) != 1)
          shape.push_back(zeroType.getDimSize(0));
        zero = ReshapeOp::create(rewriter, loc, zeroType.clone(shape), zero, ValueRange{});
      }
      result =
          takeOff(rewriter, loc, result, zero, sumAlong(rewriter, loc, wide, 0, /*keepdims=*/true));
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// The zero point of a convolution's input as one of its bytes: what a margin of
/// zeros is before it is taken off.
Value zeroByte(OpBuilder &builder, Location loc, const WidenedBytes &input) {
  auto type = RankedTensorType::get({}, tensorType(input.bytes).getElementType());
  if (input.negativeZero) {
    std::optional<double> splat = getConstantSplat(input.negativeZero);
    double least = isUnsigned(type) ? 0 : -128;
    bool holds = splat && -*splat >= least && -*splat < least + 256;
    return holds ? createSplat(builder, loc, type, -*splat) : Value();
  }
  Value zero = input.zero;
  // Its one element may have been given axes.
  while (auto reshape = zero.getDefiningOp<ReshapeOp>())
    zero = reshape.getInput();
  Value byte = castBytes(zero);
  if (!byte || tensorType(byte).getElementType() != type.getElementType() ||
      tensorType(byte).getRank() > 1)
    return {};
  return byte.getType() == type
             ? byte
             : ReshapeOp::create(builder, loc, type, byte, ValueRange{}).getResult();
}

// Pattern: conv(cast(x) - z, cast(w), b) -> conv(x with z around, w, b) in i32 - z * sum(cast(w))
//          [if x and w are bytes, z is none or one byte]
struct NarrowConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override {
    if (!isWide(op))
      return rewriter.notifyMatchFailure(op, "not a product in i32");
    std::optional<WidenedBytes> input = readFactor(op.getInput(), 0);
    Value weight = castBytes(op.getWeight());
    if (!input || !weight)
      return rewriter.notifyMatchFailure(op, "an operand is not of widened bytes");
    Location loc = op.getLoc();
    Value bytes = input->bytes, zero;
    SmallVector<int64_t> low(op.getPaddingLow()), high(op.getPaddingHigh());
    if (input->hasZero()) {
      auto type = tensorType(input->zero ? input->zero : input->negativeZero);
      if (type.getNumElements() != 1)
        return rewriter.notifyMatchFailure(op, "several zero points");
      auto isPadded = [](int64_t margin) { return margin != 0; };
      if (llvm::any_of(low, isPadded) || llvm::any_of(high, isPadded)) {
        Value byte = zeroByte(rewriter, loc, *input);
        if (!byte)
          return rewriter.notifyMatchFailure(op, "the margin is no byte");
        SmallVector<int64_t> before{0, 0}, after{0, 0};
        llvm::append_range(before, low);
        llvm::append_range(after, high);
        bytes = PadOp::create(rewriter, loc, bytes, byte, before, after);
        llvm::fill(low, 0);
        llvm::fill(high, 0);
      }
      zero = input->getZero(rewriter, loc);
      if (type.getRank() > 0)
        zero =
            ReshapeOp::create(rewriter, loc, type.clone(ArrayRef<int64_t>{}), zero, ValueRange{});
    }
    Value result =
        ConvOp::create(rewriter, loc, bytes, weight, op.getBias(), op.getStride(), low, high,
                       op.getDilation(), op.getGroups(), TypeAttr::get(rewriter.getI32Type()));
    if (zero) {
      // One sum for each output channel, which is the result's second axis.
      SmallVector<int64_t> axes, shape{tensorType(weight).getDimSize(0)};
      for (int64_t axis = 1; axis < tensorType(weight).getRank(); ++axis)
        axes.push_back(axis);
      shape.append(op.getNumSpatialAxes(), 1);
      Value sums = SumOp::create(rewriter, loc, op.getWeight(), axes, /*keepdims=*/false);
      sums = ReshapeOp::create(rewriter, loc, tensorType(sums).clone(shape), sums, ValueRange{});
      result = takeOff(rewriter, loc, result, zero, sums);
    }
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mlir::torsh::populateNarrowProductPatterns(RewritePatternSet &patterns) {
  patterns.add<NarrowMatmul, NarrowLinear, NarrowConv>(patterns.getContext());
}
