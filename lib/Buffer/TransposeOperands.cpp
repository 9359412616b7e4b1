// SPDX-License-Identifier: Apache-2.0
// Copies the tile of an operand that lies in memory the other way round, so that the
// loop over it reads neighbours.

#include "OrderedLoops.h"
#include "TransposeVectors.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_TRANSPOSEOPERANDSPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// The largest copy of a tile, in bytes: a part of the second cache.
static constexpr int64_t kLargestCopy = 256 << 10;
/// Rows that stay in registers while they are transposed.
static constexpr int64_t kMostLanes = 16;

/// The loop along which an operand is contiguous, where that is another than the last and
/// the last runs across it.
static std::optional<unsigned> getTransposedLoop(linalg::GenericOp op, OpOperand *operand) {
  auto type = dyn_cast<MemRefType>(operand->get().getType());
  AffineMap map = op.getMatchingIndexingMap(operand);
  unsigned last = op.getNumLoops() - 1;
  if (!type || type.getRank() < 2 || !type.isLastDimUnitStride() || !map.isProjectedPermutation() ||
      !map.isFunctionOfDim(last))
    return std::nullopt;
  unsigned along = cast<AffineDimExpr>(map.getResults().back()).getPosition();
  return along == last ? std::nullopt : std::optional<unsigned>(along);
}

namespace {

/// The copy of one operand.
class OperandCopy {
public:
  OperandCopy(OpBuilder &builder, linalg::GenericOp op, OpOperand *operand, unsigned along,
              int64_t lanes)
      : b(builder), op(op), operand(operand), along(along), across(op.getNumLoops() - 1),
        lanes(lanes), loops(b, op), map(op.getMatchingIndexingMap(operand)) {
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
      if (map.isFunctionOfDim(loop))
        order.push_back(loop);
  }

  /// Whether the operation does nothing but bring the operand into the order of its result.
  bool isAll() {
    auto result = cast<MemRefType>(op.getDpsInits()[0].getType());
    return op.getNumDpsInputs() == 1 && op.getNumDpsInits() == 1 && map.isPermutation() &&
           op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() &&
           op.getBody()->getTerminator()->getOperand(0) == op.getBody()->getArgument(0) &&
           result.isLastDimUnitStride();
  }

  /// Emits the copy in place of the operation, where it is all that this does.
  void emitResult() {
    copy = op.getDpsInits()[0];
    emitPlanes();
    op.erase();
  }

  /// Emits the copy before the operation and makes it the operand; fails where the copy
  /// would be too large.
  LogicalResult emit() {
    auto type = cast<MemRefType>(operand->get().getType());
    SmallVector<int64_t> shape;
    SmallVector<OpFoldResult> zeros, ones, sizes;
    int64_t bytes = type.getElementTypeBitWidth() / 8;
    for (unsigned loop : order) {
      Value extent = loops.extent(loop);
      FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
          presburger::BoundType::UB, ValueBoundsConstraintSet::Variable(extent),
          /*stopCondition=*/nullptr, /*closedUB=*/true);
      if (failed(bound) || *bound <= 0 || bytes > kLargestCopy / *bound)
        return failure();
      bytes *= *bound;
      shape.push_back(*bound);
      sizes.push_back(getAsOpFoldResult(extent));
      zeros.push_back(b.getIndexAttr(0));
      ones.push_back(b.getIndexAttr(1));
    }
    Value whole =
        memref::AllocOp::create(b, op.getLoc(), MemRefType::get(shape, type.getElementType()),
                                ValueRange(), b.getI64IntegerAttr(64));
    copy = memref::SubViewOp::create(b, op.getLoc(), whole, zeros, sizes, ones);
    emitPlanes();

    SmallVector<AffineExpr> read;
    for (unsigned loop : order)
      read.push_back(b.getAffineDimExpr(loop));
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    maps[operand->getOperandNumber()] = AffineMap::get(op.getNumLoops(), 0, read, b.getContext());
    operand->set(copy);
    op.setIndexingMapsAttr(b.getAffineMapArrayAttr(maps));
    return success();
  }

private:
  Value constant(int64_t value) { return loops.constant(value); }

  void emitPlanes() {
    index.resize(op.getNumLoops());
    SmallVector<unsigned> others;
    for (unsigned loop : order)
      if (loop != along && loop != across)
        others.push_back(loop);
    loops.forEach(others, index, [&] { emitPlane(); });
  }

  /// Squares of `lanes` by `lanes`; the last ones of a side that is no multiple of that
  /// overlap those before, and a side that is shorter goes by elements.
  void emitPlane() {
    Location loc = op.getLoc();
    Value long1 = loops.extent(along), long2 = loops.extent(across), side = constant(lanes);
    auto atLeast = [&](Value extent) {
      return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, extent, side);
    };
    Value isLarge = arith::AndIOp::create(b, loc, atLeast(long1), atLeast(long2));
    auto choice = scf::IfOp::create(b, loc, isLarge, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    // Along memory in the inner loop: each page is used up while it is at hand.
    forSquares(long2, [&](Value j) { forSquares(long1, [&](Value i) { emitSquare(i, j); }); });
    b.setInsertionPointToStart(choice.elseBlock());
    loops.forEach({across, along}, index, [&] {
      Value x = memref::LoadOp::create(b, loc, operand->get(), inOperand());
      memref::StoreOp::create(b, loc, x, copy, inCopy());
    });
  }

  void forSquares(Value extent, llvm::function_ref<void(Value)> body) {
    Location loc = op.getLoc();
    OpBuilder::InsertionGuard guard(b);
    auto each = scf::ForOp::create(b, loc, constant(0), extent, constant(lanes));
    b.setInsertionPointToStart(each.getBody());
    Value latest = arith::SubIOp::create(b, loc, extent, constant(lanes));
    body(arith::MinSIOp::create(b, loc, each.getInductionVar(), latest));
  }

  void emitSquare(Value i, Value j) {
    Location loc = op.getLoc();
    auto element = cast<MemRefType>(copy.getType()).getElementType();
    auto vectorType = VectorType::get({lanes}, element);
    SmallVector<Value> rows;
    index[along] = i;
    for (int64_t k = 0; k < lanes; ++k) {
      index[across] = arith::AddIOp::create(b, loc, j, constant(k));
      rows.push_back(vector::LoadOp::create(b, loc, vectorType, operand->get(), inOperand()));
    }
    rows = transposeVectors(b, loc, std::move(rows));
    index[across] = j;
    for (int64_t k = 0; k < lanes; ++k) {
      index[along] = arith::AddIOp::create(b, loc, i, constant(k));
      vector::StoreOp::create(b, loc, rows[k], copy, inCopy());
    }
  }

  SmallVector<Value> inOperand() {
    SmallVector<Value> at;
    for (AffineExpr expr : map.getResults())
      at.push_back(index[cast<AffineDimExpr>(expr).getPosition()]);
    return at;
  }
  SmallVector<Value> inCopy() {
    SmallVector<Value> at;
    for (unsigned loop : order)
      at.push_back(index[loop]);
    return at;
  }

  OpBuilder &b;
  linalg::GenericOp op;
  OpOperand *operand;
  unsigned along, across;
  int64_t lanes;
  GenericOnMemory loops;
  AffineMap map;
  SmallVector<unsigned> order; // the operand's loops, outermost first
  SmallVector<Value> index;    // of each loop
  Value copy;
};

class TransposeOperandsPass : public torsh::impl::TransposeOperandsPassBase<TransposeOperandsPass> {
public:
  using TransposeOperandsPassBase::TransposeOperandsPassBase;

private:
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    // What is written past the caches is computed in pieces along the result.
    auto schedule = getOperation()->getAttrOfType<ScheduleAttr>("torsh.schedule");
    bool isStreamed = schedule && schedule.getBlock().size() == 1;
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.getNumLoops() >= 2 && op.getNumParallelLoops() == op.getNumLoops())
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops) {
      OpBuilder builder(op);
      for (OpOperand *operand : op.getDpsInputOperands()) {
        std::optional<unsigned> along = getTransposedLoop(op, operand);
        if (!along)
          continue;
        int64_t bits = cast<MemRefType>(operand->get().getType()).getElementTypeBitWidth();
        SmallVector<int64_t> ranges = op.getStaticLoopRanges();
        auto isShort = [&](int64_t extent) {
          return !ShapedType::isDynamic(extent) && extent < vectorBits / bits;
        };
        if (bits % 8 != 0 || isShort(ranges[*along]) || isShort(ranges.back()))
          continue;
        int64_t lanes = std::min(kMostLanes, vectorBits / bits);
        OperandCopy copy(builder, op, operand, *along, lanes);
        if (!isStreamed && copy.isAll()) {
          copy.emitResult();
          break;
        }
        // Too large a copy is no error: the loop then reads across memory.
        (void)copy.emit();
      }
    }
  }
};

} // namespace
