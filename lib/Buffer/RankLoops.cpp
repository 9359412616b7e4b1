// SPDX-License-Identifier: Apache-2.0
// Ranks as the inverse of a sort of positions, row by row: of long rows by the digits of their
// keys from the last one on (radix sort; D. Knuth, "The Art of Computer Programming" 3, 5.2.5), of
// short ones by merging runs of positions. Both leave equal elements in their order.

#include "LoopEmitter.h"
#include "OrderedLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "torshjit/Tensor/OrderedGenerics.h"

using namespace mlir;
using namespace mlir::torsh;

/// Elements from which on digits are counted: there are 256 counters for each.
static constexpr int64_t kLong = 64;
static constexpr int64_t kDigitBits = 8, kDigits = 1 << kDigitBits;

namespace {

/// The sort of one row by merging.
class RowMerger : LoopEmitter {
public:
  RowMerger(GenericOnMemory &generic, unsigned own, unsigned other)
      : LoopEmitter(generic.getBuilder(), generic.getLoc()), generic(generic), own(own),
        other(other), isLess(findMarked(generic.getOp(), kRankMark)->getResult(0)) {}

  /// Gives `order` the positions of the row in sorted order; `spare` is as long.
  void sort(Value order, Value spare, Value length, SmallVectorImpl<Value> &index) {
    Value zero = generic.constant(0), one = generic.constant(1);
    forLoop(zero, length, 1, [&](Value i) { memref::StoreOp::create(b, loc, i, order, i); });
    // Runs of one, two, four, ... elements are sorted.
    Type indexType = b.getIndexType();
    auto passes = scf::WhileOp::create(b, loc, indexType, one);
    OpBuilder::InsertionGuard guard(b);
    Block *before = b.createBlock(&passes.getBefore(), {}, indexType, loc);
    Value width = before->getArgument(0);
    scf::ConditionOp::create(b, loc, less(width, length), width);
    Block *after = b.createBlock(&passes.getAfter(), {}, indexType, loc);
    width = after->getArgument(0);
    Value twice = add(width, width);
    auto runs = scf::ForOp::create(b, loc, zero, length, twice);
    {
      OpBuilder::InsertionGuard inRuns(b);
      b.setInsertionPointToStart(runs.getBody());
      Value start = runs.getInductionVar();
      Value middle = min(add(start, width), length), end = min(add(start, twice), length);
      merge(order, spare, start, middle, end, index);
    }
    forLoop(zero, length, 1, [&](Value i) {
      memref::StoreOp::create(b, loc, memref::LoadOp::create(b, loc, spare, i), order, i);
    });
    scf::YieldOp::create(b, loc, twice);
  }

private:
  Value select(Value c, Value x, Value y) { return arith::SelectOp::create(b, loc, c, x, y); }

  /// Merges two sorted runs of `from` into `to`. Of equal elements the first run's come first.
  void merge(Value from, Value to, Value start, Value middle, Value end,
             SmallVectorImpl<Value> &index) {
    Value one = generic.constant(1), zero = generic.constant(0);
    auto each = scf::ForOp::create(b, loc, start, end, one, ValueRange{start, middle});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(each.getBody());
    Value left = each.getRegionIterArg(0), right = each.getRegionIterArg(1);
    Value hasLeft = less(left, middle);
    Value hasRight = less(right, end);
    // A run that is used up is read at a place that there is.
    Value leftPosition = memref::LoadOp::create(b, loc, from, select(hasLeft, left, start));
    Value rightPosition = memref::LoadOp::create(b, loc, from, select(hasRight, right, start));
    index[other] = rightPosition;
    index[own] = leftPosition;
    IRMapping known;
    Value isRightFirst = generic.emit(isLess, index, known);
    Value no = arith::ConstantIntOp::create(b, loc, 0, 1);
    Value yes = arith::ConstantIntOp::create(b, loc, 1, 1);
    Value takesRight = select(hasRight, select(hasLeft, isRightFirst, yes), no);
    memref::StoreOp::create(b, loc, select(takesRight, rightPosition, leftPosition), to,
                            each.getInductionVar());
    scf::YieldOp::create(b, loc,
                         ValueRange{add(left, select(takesRight, zero, one)),
                                    add(right, select(takesRight, one, zero))});
  }

  GenericOnMemory &generic;
  unsigned own, other;
  /// In the body: whether the element of the other loop comes strictly before the own one.
  Value isLess;
};

/// The sort of one row by the digits of its keys.
class DigitSorter : LoopEmitter {
public:
  /// `comparison`: which of two elements comes first.
  DigitSorter(GenericOnMemory &generic, unsigned own, arith::CmpIOp comparison)
      : LoopEmitter(generic.getBuilder(), generic.getLoc()), generic(generic), own(own) {
    isDescending = generic.loopsOf(comparison.getLhs()).test(own);
    isSigned = comparison.getPredicate() == arith::CmpIPredicate::slt;
    element = isDescending ? comparison.getLhs() : comparison.getRhs();
    bits = std::max<int64_t>(element.getType().getIntOrFloatBitWidth(), kDigitBits);
  }

  static bool canSort(GenericOnMemory &generic, unsigned own, unsigned other, Operation *marked) {
    auto comparison = dyn_cast<arith::CmpIOp>(marked);
    if (!comparison || (comparison.getPredicate() != arith::CmpIPredicate::slt &&
                        comparison.getPredicate() != arith::CmpIPredicate::ult))
      return false;
    llvm::BitVector left = generic.loopsOf(comparison.getLhs());
    llvm::BitVector right = generic.loopsOf(comparison.getRhs());
    return left.test(own) != right.test(own) && left.test(other) != right.test(other) &&
           left.test(own) != left.test(other);
  }

  void allocate(Value length) {
    Type type = b.getIntegerType(bits);
    for (Value &each : keys)
      each = LoopEmitter::allocate(length, type);
    counts = LoopEmitter::allocate(bits / kDigitBits * kDigits, b.getIndexType());
  }

  /// The positions of the row in sorted order, which `order` or `spare` has.
  Value sort(Value order, Value spare, Value length, SmallVectorImpl<Value> &index) {
    countDigits(order, length, index);
    SmallVector<Value> buffers = {keys[0], keys[1], order, spare};
    for (int64_t digit = 0; digit < bits / kDigitBits; ++digit)
      buffers = sortByDigit(digit, buffers, length);
    return buffers[2];
  }

private:
  Value integer(uint64_t value) {
    return arith::ConstantOp::create(
        b, loc, b.getIntegerAttr(b.getIntegerType(bits), APInt(64, value).trunc(bits)));
  }
  Value load(Value memory, Value at) { return memref::LoadOp::create(b, loc, memory, at); }
  void store(Value x, Value memory, Value at) { memref::StoreOp::create(b, loc, x, memory, at); }

  /// Without sign, growing as elements stand one behind the other.
  Value emitKey(SmallVectorImpl<Value> &index) {
    IRMapping known;
    Value key = generic.emit(element, index, known);
    if (key.getType() != b.getIntegerType(bits))
      key = arith::ExtUIOp::create(b, loc, b.getIntegerType(bits), key);
    uint64_t flipped = isSigned ? uint64_t(1) << (bits - 1) : 0;
    if (isDescending)
      flipped = ~flipped;
    return arith::XOrIOp::create(b, loc, key, integer(flipped));
  }

  /// The counter of a key's digit.
  Value counterOf(Value key, int64_t digit) {
    Value shifted = arith::ShRUIOp::create(b, loc, key, integer(digit * kDigitBits));
    Value value = arith::AndIOp::create(b, loc, shifted, integer(kDigits - 1));
    return add(arith::IndexCastUIOp::create(b, loc, b.getIndexType(), value),
               constant(digit * kDigits));
  }

  void countDigits(Value order, Value length, SmallVectorImpl<Value> &index) {
    Value zero = constant(0), one = constant(1);
    forLoop(zero, constant(bits / kDigitBits * kDigits), 1,
            [&](Value counter) { store(zero, counts, counter); });
    forLoop(zero, length, 1, [&](Value place) {
      index[own] = place;
      Value key = emitKey(index);
      store(key, keys[0], place);
      store(place, order, place);
      for (int64_t digit = 0; digit < bits / kDigitBits; ++digit) {
        Value counter = counterOf(key, digit);
        store(add(load(counts, counter), one), counts, counter);
      }
    });
  }

  /// `buffers`: keys and positions, each from where and to where. Nothing moves where all digits
  /// are equal.
  SmallVector<Value> sortByDigit(int64_t digit, ArrayRef<Value> buffers, Value length) {
    Value zero = constant(0), one = constant(1);
    // Of an empty row no digit is counted, and nothing is read.
    Value isSome = less(zero, length);
    auto sample = scf::IfOp::create(b, loc, TypeRange{b.getIndexType()}, isSome, true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(sample.thenBlock());
      scf::YieldOp::create(b, loc, load(counts, counterOf(load(buffers[0], zero), digit)));
      b.setInsertionPointToStart(sample.elseBlock());
      scf::YieldOp::create(b, loc, length);
    }
    Value differs =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, sample.getResult(0), length);
    auto moved = scf::IfOp::create(b, loc, ValueRange(buffers).getTypes(), differs, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(moved.thenBlock());
    // How many have lower digits is where those of a digit begin.
    auto sums = scf::ForOp::create(b, loc, constant(digit * kDigits),
                                   constant((digit + 1) * kDigits), one, zero);
    {
      OpBuilder::InsertionGuard inSums(b);
      b.setInsertionPointToStart(sums.getBody());
      Value before = sums.getRegionIterArg(0);
      Value count = load(counts, sums.getInductionVar());
      store(before, counts, sums.getInductionVar());
      scf::YieldOp::create(b, loc, add(before, count));
    }
    forLoop(zero, length, 1, [&](Value place) {
      Value key = load(buffers[0], place);
      Value counter = counterOf(key, digit);
      Value to = load(counts, counter);
      store(add(to, one), counts, counter);
      store(key, buffers[1], to);
      store(load(buffers[2], place), buffers[3], to);
    });
    scf::YieldOp::create(b, loc, ValueRange{buffers[1], buffers[0], buffers[3], buffers[2]});
    b.setInsertionPointToStart(moved.elseBlock());
    scf::YieldOp::create(b, loc, buffers);
    return SmallVector<Value>(moved.getResults());
  }

  GenericOnMemory &generic;
  unsigned own;
  Value element, counts;
  std::array<Value, 2> keys;
  bool isDescending, isSigned;
  int64_t bits;
};

} // namespace

void mlir::torsh::emitRank(OpBuilder &builder, linalg::GenericOp op) {
  GenericOnMemory generic(builder, op);
  Location loc = op.getLoc();
  unsigned own = getOrderedLoops(cast<linalg::LinalgOp>(op.getOperation())).front();
  SmallVector<unsigned> rows;
  unsigned other = 0;
  for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (iterator == utils::IteratorType::reduction)
      other = loop;
    else if (loop != own)
      rows.push_back(loop);
  }
  Value length = generic.extent(own);
  auto type = MemRefType::get({ShapedType::kDynamic}, builder.getIndexType());
  auto alignment = builder.getI64IntegerAttr(64);
  Value order = memref::AllocOp::create(builder, loc, type, length, alignment);
  Value spare = memref::AllocOp::create(builder, loc, type, length, alignment);
  SmallVector<Value> index(generic.getNumLoops());
  Operation *marked = findMarked(op, kRankMark);
  int64_t extent = generic.staticExtent(own);
  std::optional<DigitSorter> digits;
  if ((ShapedType::isDynamic(extent) || extent >= kLong) &&
      DigitSorter::canSort(generic, own, other, marked)) {
    digits.emplace(generic, own, cast<arith::CmpIOp>(marked));
    digits->allocate(length);
  }
  generic.forEach(rows, index, [&]() {
    Value sorted = order;
    if (digits)
      sorted = digits->sort(order, spare, length, index);
    else
      RowMerger(generic, own, other).sort(order, spare, length, index);
    auto each = scf::ForOp::create(builder, loc, generic.constant(0), length, generic.constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(each.getBody());
    Value place = each.getInductionVar();
    index[own] = memref::LoadOp::create(builder, loc, sorted, place);
    Type element = getElementTypeOrSelf(op.getDpsInits()[0].getType());
    generic.storeResult(arith::IndexCastOp::create(builder, loc, element, place), index);
  });
}
