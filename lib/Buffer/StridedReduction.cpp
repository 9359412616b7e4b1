// SPDX-License-Identifier: Apache-2.0
// Sums of columns and their like, several rows at a time.

#include "StridedReduction.h"
#include "OrderedLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::torsh;

/// Rows at a time: each is a stream that the processor reads ahead.
static constexpr int64_t kRows = 8;
/// Operations that the body of the inner loop may have with all of its rows.
static constexpr int64_t kLargestBody = 64;

namespace {

class StridedReduction {
public:
  StridedReduction(OpBuilder &builder, linalg::GenericOp op, unsigned inner, unsigned reduced,
                   int64_t rows)
      : b(builder), op(op), inner(inner), reduced(reduced), rows(rows), loops(b, op),
        yielded(op.getBody()->getTerminator()->getOperand(0)),
        accumulator(op.getBody()->getArguments().back()) {}

  void emit() {
    SmallVector<unsigned> outer, others;
    for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
      if (loop != inner && loop != reduced)
        (iterator == utils::IteratorType::parallel ? outer : others).push_back(loop);
    llvm::append_range(outer, others);
    index.resize(op.getNumLoops());
    loops.forEach(outer, index, [&] {
      Location loc = op.getLoc();
      Value extent = loops.extent(reduced), step = loops.constant(rows);
      Value whole =
          arith::MulIOp::create(b, loc, arith::DivUIOp::create(b, loc, extent, step), step);
      emitRows(loops.constant(0), whole, rows);
      emitRows(whole, extent, 1);
    });
  }

private:
  void emitRows(Value from, Value to, int64_t count) {
    OpBuilder::InsertionGuard guard(b);
    auto each = scf::ForOp::create(b, op.getLoc(), from, to, loops.constant(count));
    b.setInsertionPointToStart(each.getBody());
    loops.forEach(inner, index, [&] { combine(each.getInductionVar(), count); });
  }

  /// The term of a sum, where that is what the reduction is: terms may be added in any
  /// order, and a sum of sums loses less than a long chain.
  Value getTerm() {
    auto sum = yielded.getDefiningOp<arith::AddFOp>();
    if (!sum || !accumulator.hasOneUse() ||
        !bitEnumContainsAll(sum.getFastmath(), arith::FastMathFlags::reassoc))
      return {};
    if (sum.getLhs() == accumulator)
      return sum.getRhs();
    return sum.getRhs() == accumulator ? sum.getLhs() : Value();
  }

  void combine(Value first, int64_t count) {
    Location loc = op.getLoc();
    index[reduced] = first;
    Value result = loops.loadResult(index);
    Value term = getTerm();
    SmallVector<Value> terms;
    for (int64_t row = 0; row < count; ++row) {
      index[reduced] = arith::AddIOp::create(b, loc, first, loops.constant(row));
      IRMapping known;
      if (term) {
        terms.push_back(loops.emit(term, index, known));
      } else {
        known.map(accumulator, result);
        result = loops.emit(yielded, index, known);
      }
    }
    auto add = [&](Value x, Value y) {
      return arith::AddFOp::create(b, loc, x, y,
                                   yielded.getDefiningOp<arith::AddFOp>().getFastmath());
    };
    for (size_t distance = 1; distance < terms.size(); distance *= 2)
      for (size_t i = 0; i + distance < terms.size(); i += 2 * distance)
        terms[i] = add(terms[i], terms[i + distance]);
    if (term)
      result = add(result, terms.front());
    loops.storeResult(result, index);
  }

  OpBuilder &b;
  linalg::GenericOp op;
  unsigned inner, reduced;
  int64_t rows;
  GenericOnMemory loops;
  Value yielded;
  BlockArgument accumulator;
  SmallVector<Value> index;
};

} // namespace

LogicalResult mlir::torsh::lowerStridedReduction(RewriterBase &rewriter, linalg::GenericOp op,
                                                 unsigned inner) {
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  if (op.getNumDpsInits() != 1 || iterators[inner] != utils::IteratorType::parallel ||
      !op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isFunctionOfDim(inner))
    return failure();
  for (AffineMap map : op.getIndexingMapsArray())
    if (!llvm::all_of(map.getResults(), llvm::IsaPred<AffineDimExpr, AffineConstantExpr>))
      return failure();
  std::optional<unsigned> reduced;
  for (auto [loop, iterator] : llvm::enumerate(iterators))
    if (iterator == utils::IteratorType::reduction)
      reduced = loop;
  if (!reduced)
    return failure();
  auto size = static_cast<int64_t>(op.getBody()->getOperations().size());
  int64_t extent = op.getStaticLoopRanges()[*reduced];
  int64_t rows = std::min(kRows, kLargestBody / size);
  if (!ShapedType::isDynamic(extent))
    rows = std::min(rows, extent);
  if (rows < 2)
    return failure();
  StridedReduction(rewriter, op, inner, *reduced, rows).emit();
  rewriter.eraseOp(op);
  return success();
}
