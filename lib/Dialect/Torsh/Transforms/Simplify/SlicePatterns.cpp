// SPDX-License-Identifier: Apache-2.0
// Slices, concatenations and pads after one another.

#include "ConstantMatching.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

/// The stop of a slice that runs to the end of a `?` axis.
static constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

namespace {

/// The bounds of a slice along one axis.
struct Bounds {
  int64_t start, stop, stride;
};

Bounds getBounds(SliceOp op, int64_t axis) {
  return {op.getStart()[axis], op.getStop()[axis], op.getStride()[axis]};
}

/// The bounds of a slice by `outer`, `count` elements long, of one by `inner`
/// along an axis of static extents.
Bounds composeStatic(const Bounds &inner, const Bounds &outer, int64_t count) {
  if (count == 0)
    return {0, 0, 1};
  int64_t first = inner.start + outer.start * inner.stride;
  if (count == 1)
    return {first, first + 1, 1};
  int64_t stride = inner.stride * outer.stride;
  int64_t last = first + (count - 1) * stride;
  return {first, stride > 0 ? last + 1 : last - 1, stride};
}

/// The same where the extent is `?`; only where the checks made when the program
/// runs come to the same.
std::optional<Bounds> composeDynamic(const Bounds &inner, const Bounds &outer) {
  Bounds result{inner.start, outer.stop, outer.stride};
  if (inner.stop != kToTheEnd || inner.stride != 1 ||
      llvm::AddOverflow(inner.start, outer.start, result.start))
    return std::nullopt;
  if (outer.stop != kToTheEnd &&
      (llvm::AddOverflow(inner.start, outer.stop, result.stop) || result.stop == kToTheEnd))
    return std::nullopt;
  return result;
}

// Pattern: slice(slice(x)) -> slice(x) [on a '?' axis: if the inner one only drops a beginning]
struct SliceOfSlice : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<SliceOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not a slice");
    SmallVector<int64_t> start, stop, stride;
    for (int64_t axis = 0; axis < tensorType(op.getInput()).getRank(); ++axis) {
      Bounds innerBounds = getBounds(inner, axis), outerBounds = getBounds(op, axis);
      std::optional<Bounds> bounds =
          tensorType(inner.getInput()).isDynamicDim(axis)
              ? composeDynamic(innerBounds, outerBounds)
              : composeStatic(innerBounds, outerBounds, op.getType().getDimSize(axis));
      if (!bounds)
        return rewriter.notifyMatchFailure(op, "a check of the '?' axis would be lost");
      start.push_back(bounds->start);
      stop.push_back(bounds->stop);
      stride.push_back(bounds->stride);
    }
    return replaceByOp<SliceOp>(rewriter, op, mergedLoc(inner, op), inner.getInput(), start, stop,
                                stride);
  }
};

/// For each axis of `from` the one of `to` that it is, -1 for an extent of 1 that is in
/// neither; or nothing where a reshape between the types does more than to add and drop
/// axes of extent 1.
std::optional<SmallVector<int64_t>> matchAxes(RankedTensorType from, RankedTensorType to) {
  if (!from.hasStaticShape() || !to.hasStaticShape())
    return std::nullopt;
  SmallVector<int64_t> axes;
  int64_t next = 0;
  auto skipUnits = [&] {
    while (next < to.getRank() && to.getDimSize(next) == 1)
      ++next;
  };
  for (int64_t extent : from.getShape()) {
    if (extent == 1) {
      axes.push_back(-1);
      continue;
    }
    skipUnits();
    if (next == to.getRank() || to.getDimSize(next) != extent)
      return std::nullopt;
    axes.push_back(next++);
  }
  skipUnits();
  return next == to.getRank() ? std::optional(axes) : std::nullopt;
}

// Pattern: slice(reshape(slice(x))) -> reshape(slice(slice(x))) [if the reshape only adds and drops
//          axes of extent 1]
struct SliceOfSqueezed : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    auto inner = reshape ? reshape.getInput().getDefiningOp<SliceOp>() : SliceOp();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not a slice of another shape");
    std::optional<SmallVector<int64_t>> axes =
        matchAxes(inner.getType(), tensorType(op.getInput()));
    if (!axes || llvm::is_contained(op.getType().getShape(), 0))
      return rewriter.notifyMatchFailure(op, "the reshape moves elements to other axes");
    SmallVector<int64_t> start, stop, stride, shape;
    for (int64_t axis : *axes) {
      Bounds bounds = axis < 0 ? Bounds{0, 1, 1} : getBounds(op, axis);
      start.push_back(bounds.start);
      stop.push_back(bounds.stop);
      stride.push_back(bounds.stride);
    }
    Location loc = mergedLoc(reshape, op);
    auto slice = SliceOp::create(rewriter, loc, inner.getResult(), start, stop, stride);
    return replaceByOp<ReshapeOp>(rewriter, op, loc, op.getType(), slice, ValueRange{});
  }
};

// Pattern: slice(concat(x...)) -> slice(x) [if it falls into one piece]
struct SliceOfConcat : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto concat = op.getInput().getDefiningOp<ConcatOp>();
    if (!concat)
      return rewriter.notifyMatchFailure(op, "the operand is not a concatenation");
    auto axis = static_cast<int64_t>(concat.getAxis());
    int64_t count = op.getType().getDimSize(axis);
    if (tensorType(op.getInput()).isDynamicDim(axis) || count == 0)
      return rewriter.notifyMatchFailure(op, "which piece it falls into is unknown");
    if (hasRuntimeChecks(concat))
      return rewriter.notifyMatchFailure(op, "a check of '?' extents would be lost");
    Bounds bounds = composeStatic({0, 0, 1}, getBounds(op, axis), count);
    int64_t last = bounds.start + (count - 1) * bounds.stride;
    int64_t begin = 0;
    for (Value piece : concat.getInputs()) {
      int64_t end = begin + tensorType(piece).getDimSize(axis);
      if (std::min(bounds.start, last) >= begin && std::max(bounds.start, last) < end) {
        SmallVector<int64_t> start(op.getStart()), stop(op.getStop()), stride(op.getStride());
        start[axis] = bounds.start - begin;
        stop[axis] = bounds.stop - begin;
        stride[axis] = bounds.stride;
        return replaceByOp<SliceOp>(rewriter, op, mergedLoc(concat, op), piece, start, stop,
                                    stride);
      }
      begin = end;
    }
    return rewriter.notifyMatchFailure(op, "it spans several pieces");
  }
};

/// The most pieces to join into one concatenation; what is longer stays a chain,
/// so that joining a chain takes time in proportion to its length.
constexpr size_t kMostPieces = 64;

// Pattern: concat(x..., concat(y...), z...) -> concat(x..., y..., z...) [if along one axis, and the
//          inner one has no other use]
// Pattern: concat(x..., empty, z...) -> concat(x..., z...)
struct FlattenConcat : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp op, PatternRewriter &rewriter) const override {
    auto axis = static_cast<int64_t>(op.getAxis());
    bool checked = hasRuntimeChecks(op);
    SmallVector<Value> pieces;
    Location loc = op.getLoc();
    for (Value input : op.getInputs()) {
      auto inner = input.getDefiningOp<ConcatOp>();
      if (inner && static_cast<int64_t>(inner.getAxis()) == axis && inner->hasOneUse() &&
          pieces.size() + inner.getInputs().size() <= kMostPieces) {
        llvm::append_range(pieces, inner.getInputs());
        loc = mergedLoc(inner, op);
      } else if (checked || tensorType(input).getDimSize(axis) != 0) {
        pieces.push_back(input);
      }
    }
    if (pieces.empty())
      pieces.push_back(op.getInputs().front());
    if (ValueRange(pieces) == ValueRange(op.getInputs()))
      return rewriter.notifyMatchFailure(op,
                                         "no piece is a concatenation along the axis, or empty");
    return replaceByOp<ConcatOp>(rewriter, op, loc, pieces, static_cast<uint64_t>(axis));
  }
};

// Pattern: pad(x) by nothing -> x
// Pattern: pad(pad(x, v), v) -> pad(x, v)
struct SimplifyPad : OpRewritePattern<PadOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PadOp op, PatternRewriter &rewriter) const override {
    auto isZero = [](int64_t margin) { return margin == 0; };
    if (llvm::all_of(op.getLow(), isZero) && llvm::all_of(op.getHigh(), isZero)) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    auto inner = op.getInput().getDefiningOp<PadOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "the operand is not padded");
    DenseElementsAttr value = getConstantElements(op.getValue());
    if (op.getValue() != inner.getValue() &&
        (!value || value != getConstantElements(inner.getValue())))
      return rewriter.notifyMatchFailure(op, "the margins have different values");
    SmallVector<int64_t> low(op.getLow()), high(op.getHigh());
    for (size_t axis = 0; axis < low.size(); ++axis) {
      low[axis] += inner.getLow()[axis];
      high[axis] += inner.getHigh()[axis];
    }
    return replaceByOp<PadOp>(rewriter, op, mergedLoc(inner, op), inner.getInput(), op.getValue(),
                              low, high);
  }
};

} // namespace

void mlir::torsh::populateSimplifySlicePatterns(RewritePatternSet &patterns) {
  patterns.add<SliceOfSlice, SliceOfSqueezed, SliceOfConcat, FlattenConcat, SimplifyPad>(
      patterns.getContext());
}
