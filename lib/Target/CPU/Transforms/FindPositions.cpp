// SPDX-License-Identifier: Apache-2.0
// Finds where the largest or smallest element of a row is in two loops that vectorise.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_FINDPOSITIONSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Extents up to which positions are counted in 32 bits.
static constexpr int64_t kMostNarrow = 1 << 30;

/// What says in the body of an argument reduction that the element is better than the best.
struct Comparison {
  arith::CmpFOp floats;
  arith::CmpIOp integers;

  explicit operator bool() const { return floats || integers; }
};

static Comparison findComparison(linalg::GenericOp op) {
  Value element = op.getRegionInputArgs()[0], best = op.getRegionOutputArgs()[0];
  for (Operation &inside : op.getBody()->without_terminator()) {
    if (inside.getNumOperands() != 2 || inside.getOperand(0) != element ||
        inside.getOperand(1) != best)
      continue;
    if (auto compare = dyn_cast<arith::CmpFOp>(inside))
      return {compare, {}};
    if (auto compare = dyn_cast<arith::CmpIOp>(inside))
      return {{}, compare};
  }
  return {};
}

/// The better of two values.
static Value chooseBetter(OpBuilder &b, Location loc, Comparison by, Value x, Value y) {
  if (by.floats) {
    // Both give NaN where there is one. Which zero it is makes no difference to where it is.
    auto flags = arith::FastMathFlags::nsz;
    if (by.floats.getPredicate() == arith::CmpFPredicate::OGT)
      return arith::MaximumFOp::create(b, loc, x, y, flags);
    return arith::MinimumFOp::create(b, loc, x, y, flags);
  }
  switch (by.integers.getPredicate()) {
  case arith::CmpIPredicate::sgt:
    return arith::MaxSIOp::create(b, loc, x, y);
  case arith::CmpIPredicate::slt:
    return arith::MinSIOp::create(b, loc, x, y);
  case arith::CmpIPredicate::ugt:
    return arith::MaxUIOp::create(b, loc, x, y);
  default:
    return arith::MinUIOp::create(b, loc, x, y);
  }
}

/// Whether `x` is the best, of which the first NaN is one where there are any.
static Value isBest(OpBuilder &b, Location loc, Comparison by, Value x, Value best) {
  if (by.integers)
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, best);
  Value isEqual = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, best);
  Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
  return arith::OrIOp::create(b, loc, isEqual, isNaN);
}

/// The loop along which `op` searches, if it lies along memory and nobody asks for the value found.
static std::optional<unsigned> searchedLoop(linalg::GenericOp op) {
  if (!op->hasAttr("torsh.arg_reduction") || op.getNumDpsInputs() != 1 ||
      op.getNumReductionLoops() != 1 || !op.getResult(0).use_empty())
    return std::nullopt;
  SmallVector<unsigned> loops;
  op.getReductionDims(loops);
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  if (!map.isProjectedPermutation() ||
      map.getResults().back() != getAffineDimExpr(loops.front(), op.getContext()))
    return std::nullopt;
  return loops.front();
}

static Value emptyLike(ImplicitLocOpBuilder &b, Value tensor, Type element) {
  return tensor::EmptyOp::create(b, tensor::getMixedSizes(b, b.getLoc(), tensor), element);
}

namespace {

class FindPositionsPass : public torsh::impl::FindPositionsPassBase<FindPositionsPass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    SmallVector<std::tuple<linalg::GenericOp, unsigned, Comparison>> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      std::optional<unsigned> loop = searchedLoop(op);
      if (!loop)
        return;
      if (Comparison by = findComparison(op))
        ops.emplace_back(op, *loop, by);
    });
    for (auto [op, loop, by] : ops)
      findPosition(op, loop, by);
  }

  static void findPosition(linalg::GenericOp op, unsigned loop, Comparison by) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Value input = op.getDpsInputs()[0], worst = op.getDpsInits()[0], first = op.getDpsInits()[1];
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
    auto best = linalg::GenericOp::create(
        b, worst.getType(), input, worst, ArrayRef<AffineMap>(maps).take_front(2), iterators,
        [&](OpBuilder &body, Location loc, ValueRange x) {
          linalg::YieldOp::create(body, loc, chooseBetter(body, loc, by, x[1], x[0]));
        });

    // As many positions in a vector as elements, where they can be that narrow.
    int64_t extent = op.getStaticLoopRanges()[loop];
    Type wide = cast<ShapedType>(first.getType()).getElementType();
    bool isNarrow = !ShapedType::isDynamic(extent) && extent <= kMostNarrow;
    auto position = isNarrow ? b.getI32Type() : cast<IntegerType>(wide);
    Value last = arith::ConstantOp::create(
        b, b.getIntegerAttr(position, llvm::APInt::getSignedMaxValue(position.getWidth())));
    // Beyond every position, and the sum with one is a number.
    llvm::APInt beyond = llvm::APInt::getOneBitSet(position.getWidth(), position.getWidth() - 2);
    Value far = arith::ConstantOp::create(b, b.getIntegerAttr(position, beyond));
    Value near = arith::ConstantOp::create(b, b.getIntegerAttr(position, 0));
    Value none = linalg::FillOp::create(b, last, emptyLike(b, first, position)).getResult(0);
    Value found =
        linalg::GenericOp::create(
            b, none.getType(), ValueRange{input, best.getResult(0)}, none,
            ArrayRef<AffineMap>{maps[0], maps[1], maps[1]}, iterators,
            [&](OpBuilder &body, Location loc, ValueRange x) {
              Value index = linalg::IndexOp::create(body, loc, loop);
              index = arith::IndexCastOp::create(body, loc, position, index);
              // A sum, not a choice between positions: of that LLVM makes a choice between
              // minima, which it does not vectorise.
              Value distance =
                  arith::SelectOp::create(body, loc, isBest(body, loc, by, x[0], x[1]), near, far);
              Value candidate = arith::AddIOp::create(body, loc, index, distance);
              linalg::YieldOp::create(
                  body, loc, arith::MinSIOp::create(body, loc, x[2], candidate).getResult());
            })
            .getResult(0);
    if (isNarrow) {
      AffineMap map = b.getMultiDimIdentityMap(cast<ShapedType>(found.getType()).getRank());
      SmallVector<utils::IteratorType> parallel(map.getNumDims(), utils::IteratorType::parallel);
      Value empty = emptyLike(b, first, wide);
      found = linalg::GenericOp::create(
                  b, empty.getType(), found, empty, ArrayRef{map, map}, parallel,
                  [&](OpBuilder &body, Location loc, ValueRange x) {
                    linalg::YieldOp::create(
                        body, loc, arith::ExtSIOp::create(body, loc, wide, x[0]).getResult());
                  })
                  .getResult(0);
    }
    op.getResult(1).replaceAllUsesWith(found);
    op.erase();
  }
};

} // namespace
