// SPDX-License-Identifier: Apache-2.0
// Writes large results past the caches: computed a piece at a time in a small
// buffer, then copied by non-temporal stores of whole cache lines.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_STREAMRESULTSPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Bytes that go to memory as one.
static constexpr int64_t kLine = 64;

/// The argument of the kernel that `memory` is a part of, if it is.
static BlockArgument getArgument(Value memory) {
  while (auto view = memory.getDefiningOp<memref::SubViewOp>())
    memory = view.getSource();
  auto argument = dyn_cast<BlockArgument>(memory);
  return argument && isa<func::FuncOp>(argument.getOwner()->getParentOp()) ? argument
                                                                           : BlockArgument();
}

/// Whether the parts of `memory` have no user but one operation.
static bool isUsedBy(Value memory, Operation *only) {
  return llvm::all_of(memory.getUsers(), [&](Operation *user) {
    auto view = dyn_cast<memref::SubViewOp>(user);
    return user == only || (view && isUsedBy(view, only));
  });
}

static int64_t bytesOf(MemRefType type) {
  Type element = type.getElementType();
  return element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0
             ? element.getIntOrFloatBitWidth() / 8
             : 0;
}

/// Whether a result that nothing else in the kernel looks at is written by `op` in the
/// order of memory, in runs that are worth a buffer.
static bool isStreamable(linalg::GenericOp op) {
  if (op.getNumDpsInits() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      op.getNumLoops() == 0)
    return false;
  Value result = op.getDpsInits()[0];
  BlockArgument argument = getArgument(result);
  auto type = cast<MemRefType>(result.getType());
  if (!argument || !isUsedBy(argument, op) || !type.isLastDimUnitStride() || !bytesOf(type) ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)))
    return false;
  if (!op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity())
    return false;
  int64_t run = type.getShape().back();
  return ShapedType::isDynamic(run) || run * bytesOf(type) >= 4 * kLine;
}

namespace {

class StreamResultsPass : public torsh::impl::StreamResultsPassBase<StreamResultsPass> {
  void runOnOperation() override {
    auto schedule = getOperation()->getAttrOfType<ScheduleAttr>("torsh.schedule");
    // A contraction's block has rows, columns and depth.
    if (!isKernel(getOperation()) || !schedule || schedule.getBlock().size() != 1)
      return;
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) {
      if (isStreamable(op))
        ops.push_back(op);
    });
    for (linalg::GenericOp op : ops)
      if (failed(stream(op, schedule.getBlock().front())))
        return signalPassFailure();
  }

  LogicalResult stream(linalg::GenericOp op, int64_t run) {
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(op);
    Location loc = op.getLoc();
    auto type = cast<MemRefType>(op.getDpsInits()[0].getType());
    SmallVector<int64_t> shape(type.getRank(), 1);
    shape.back() =
        ShapedType::isDynamic(type.getShape().back()) ? run : std::min(run, type.getShape().back());
    auto bufferType = MemRefType::get(shape, type.getElementType());
    Value buffer = memref::AllocOp::create(rewriter, loc, bufferType, ValueRange(),
                                           rewriter.getI64IntegerAttr(kLine));
    linalg::LinalgTilingOptions options;
    options.setTileSizes(shape);
    FailureOr<linalg::TiledLinalgOp> pieces = linalg::tileLinalgOp(rewriter, op, options);
    if (failed(pieces))
      return op.emitError("cannot compute the kernel's result in pieces");
    rewriter.eraseOp(op);
    auto piece = cast<linalg::GenericOp>(pieces->op.getOperation());
    rewriter.setInsertionPoint(piece);
    Value result = piece.getDpsInits()[0];
    Value count = rewriter.createOrFold<memref::DimOp>(loc, result, type.getRank() - 1);
    SmallVector<OpFoldResult> zeros(type.getRank(), rewriter.getIndexAttr(0));
    SmallVector<OpFoldResult> ones(type.getRank(), rewriter.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes(ones);
    sizes.back() = getAsOpFoldResult(count);
    Value part = memref::SubViewOp::create(rewriter, loc, buffer, zeros, sizes, ones);
    piece.setDpsInitOperand(0, part);
    rewriter.setInsertionPointAfter(piece);
    copyPastCaches(rewriter, loc, part, result, count);
    return success();
  }

  /// Copies the last axis of `from` to that of `to`. Whole lines are written from the
  /// first boundary of one on; what is before it and behind the last goes in a vector
  /// that overlaps them.
  static void copyPastCaches(OpBuilder &b, Location loc, Value from, Value to, Value count) {
    auto type = cast<MemRefType>(to.getType());
    int64_t bytes = bytesOf(type), lanes = kLine / bytes;
    auto vectorType = VectorType::get({lanes}, type.getElementType());
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    auto at = [&](Value i) {
      SmallVector<Value> index(type.getRank(), constant(0));
      index.back() = i;
      return index;
    };
    auto copyVector = [&](Value i, bool isLine) {
      Value x = vector::LoadOp::create(b, loc, vectorType, from, at(i));
      vector::StoreOp::create(b, loc, x, to, at(i), /*nontemporal=*/isLine,
                              isLine ? llvm::MaybeAlign(kLine) : llvm::MaybeAlign());
    };
    auto view = memref::ExtractStridedMetadataOp::create(b, loc, to);
    Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, to);
    Value offset = arith::MulIOp::create(b, loc, view.getOffset(), constant(bytes));
    Value address = arith::AddIOp::create(b, loc, base, offset);
    Value past = arith::AndIOp::create(b, loc, address, constant(kLine - 1));
    // As far as the next line, none if the address is at one.
    Value missing = arith::AndIOp::create(
        b, loc, arith::SubIOp::create(b, loc, constant(kLine), past), constant(kLine - 1));
    Value head = arith::DivUIOp::create(b, loc, missing, constant(bytes));
    Value isLong =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, count, constant(2 * lanes));
    // Memory that is not the kernel's own may begin anywhere, within an element even.
    Value isWhole =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                              arith::MulIOp::create(b, loc, head, constant(bytes)), missing);
    auto choice = scf::IfOp::create(b, loc, arith::AndIOp::create(b, loc, isLong, isWhole),
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);

    b.setInsertionPointToStart(choice.thenBlock());
    Value isAtLine = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, head, constant(0));
    auto start = scf::IfOp::create(b, loc, isAtLine, /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(start.elseBlock());
      copyVector(constant(0), /*isLine=*/false);
    }
    Value inLines = arith::SubIOp::create(b, loc, count, head);
    Value rest = arith::AndIOp::create(b, loc, inLines, constant(lanes - 1));
    Value end = arith::SubIOp::create(b, loc, count, rest);
    auto lines = scf::ForOp::create(b, loc, head, end, constant(lanes));
    {
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(lines.getBody());
      copyVector(lines.getInductionVar(), /*isLine=*/true);
    }
    Value isDone = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, rest, constant(0));
    auto last = scf::IfOp::create(b, loc, isDone, /*withElseRegion=*/true);
    b.setInsertionPointToStart(last.elseBlock());
    copyVector(arith::SubIOp::create(b, loc, count, constant(lanes)), /*isLine=*/false);

    b.setInsertionPointToStart(choice.elseBlock());
    auto each = scf::ForOp::create(b, loc, constant(0), count, constant(1));
    b.setInsertionPointToStart(each.getBody());
    Value x = memref::LoadOp::create(b, loc, from, at(each.getInductionVar()));
    memref::StoreOp::create(b, loc, x, to, at(each.getInductionVar()));
  }
};

} // namespace
