// SPDX-License-Identifier: Apache-2.0
// A skinny contraction's loops but for the two forms of its product: what is outside of
// them, where the sums go, and how threads share the depth.

#include "SkinnyContraction.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/Tensor/Passes.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh;

SkinnyContraction::SkinnyContraction(linalg::GenericOp op, OpBuilder &builder,
                                     ScheduleAttr schedule)
    : LoopEmitter(builder, op.getLoc()), op(op), schedule(schedule) {}

//===----------------------------------------------------------------------===//
// What it is
//===----------------------------------------------------------------------===//

/// Whether the group's iterations are equally far apart in the operand.
static bool isUniform(const LoopGroup &group, const LinearAccess &access) {
  return group.loops.size() <= 1 || group.uniformStride(access).has_value();
}

LogicalResult SkinnyContraction::classify() {
  b.setInsertionPoint(op);
  std::optional<SkinnyNumbers> numbers = SkinnyNumbers::from(schedule);
  if (!numbers)
    return failure();
  std::optional<SkinnyShape> matched = matchSkinny(op);
  if (!matched)
    return failure();
  shape = std::move(*matched);
  if (failed(readBody()))
    return failure();
  height = numbers->rows, vectors = numbers->vectors, lanes = numbers->lanes;
  depthBlock = numbers->depth, ahead = numbers->ahead, split = numbers->split;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  Value out = op.getOutputs()[0];
  element = cast<MemRefType>(out.getType()).getElementType();
  vectorType = VectorType::get({lanes}, element);
  FailureOr<LinearAccess> thinAccess =
      LinearAccess::create(b, loc, op.getInputs()[shape.thin], maps[shape.thin]);
  FailureOr<LinearAccess> wideAccess =
      LinearAccess::create(b, loc, op.getInputs()[shape.wide], maps[shape.wide]);
  FailureOr<LinearAccess> resultAccess = LinearAccess::create(b, loc, out, maps[2]);
  if (failed(thinAccess) || failed(wideAccess) || failed(resultAccess))
    return failure();
  thin = std::move(*thinAccess), wide = std::move(*wideAccess), result = std::move(*resultAccess);

  SmallVector<Range> ranges = cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, loc);
  auto group = [&](ArrayRef<unsigned> loops) {
    LoopGroup made;
    for (unsigned loop : loops) {
      made.loops.push_back(loop);
      made.extents.push_back(ranges[loop].size);
    }
    return made;
  };
  outer = group(shape.batch), rows = group(shape.rows);
  columns = group(shape.columns), depth = group(shape.depth);
  // Of columns and depth those loops that lead from one piece of the wide operand, or of the
  // result, to another go outside: what is left is one run, or runs equally far apart.
  auto peel = [&](LoopGroup &from, bool isColumns) {
    while (!isUniform(from, wide) || (isColumns && !isUniform(from, result))) {
      outer.loops.push_back(from.loops.front());
      outer.extents.push_back(from.extents.front());
      from.loops.erase(from.loops.begin());
      from.extents.erase(from.extents.begin());
    }
  };
  peel(columns, true), peel(depth, false);
  const LoopGroup &last = shape.columnsLast ? columns : depth;
  if (getConstantIntValue(wide.strides[last.loops.back()]) != 1)
    return failure();
  return success();
}

/// Reads the body, of element types whose vectors the processor loads and widens.
LogicalResult SkinnyContraction::readBody() {
  std::optional<ProductBody> body = matchProduct(op);
  if (!body)
    return failure();
  thinCast = body->casts[shape.thin], wideCast = body->casts[shape.wide];
  isFused = body->isFused;
  return success(llvm::all_of(op.getInputs(), [](Value input) {
    Type own = getElementTypeOrSelf(input.getType());
    return own.isIntOrFloat() && !own.isInteger(1) &&
           (own.isInteger() || isa<BFloat16Type, Float16Type, Float32Type, Float64Type>(own));
  }));
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// A scalar or vector of an operand in the type of the sums.
Value SkinnyContraction::widen(Value value, Operation *cast) {
  if (!cast)
    return value;
  Type type = isa<VectorType>(value.getType()) ? Type(vectorType) : element;
  return TypeSwitch<Operation *, Value>(cast)
      .Case<arith::ExtFOp>([&](auto) { return arith::ExtFOp::create(b, loc, type, value); })
      .Case<arith::ExtSIOp>([&](auto) { return arith::ExtSIOp::create(b, loc, type, value); })
      .Default([&](auto) { return arith::ExtUIOp::create(b, loc, type, value); });
}

Value SkinnyContraction::splat(Value scalar) {
  return vector::BroadcastOp::create(b, loc, vectorType, scalar);
}

Value SkinnyContraction::multiplyAdd(Value x, Value y, Value sum) {
  if (isa<FloatType>(element) && isFused)
    return vector::FMAOp::create(b, loc, x, y, sum);
  if (isa<FloatType>(element))
    return arith::AddFOp::create(b, loc, sum, arith::MulFOp::create(b, loc, x, y));
  return arith::AddIOp::create(b, loc, sum, arith::MulIOp::create(b, loc, x, y));
}

/// A vector of the wide operand, zeros where `mask` (null: everywhere) is not set.
Value SkinnyContraction::loadWide(Value offset, Value mask) {
  auto type = VectorType::get({lanes}, cast<MemRefType>(wide.flat.getType()).getElementType());
  Value loaded;
  if (mask) {
    Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    loaded = vector::MaskedLoadOp::create(b, loc, type, wide.flat, offset, mask, zeros);
  } else {
    loaded = vector::LoadOp::create(b, loc, type, wide.flat, offset);
  }
  return widen(loaded, wideCast);
}

/// Into the second cache: the first one would lose it again before it is read, since rows a
/// power of two apart share its places.
void SkinnyContraction::prefetchWide(Value offset, Value distance) {
  memref::PrefetchOp::create(b, loc, wide.flat, add(offset, distance), /*isWrite=*/false,
                             /*localityHint=*/2, /*isDataCache=*/true);
}

/// Zeros into `count` elements.
void SkinnyContraction::clear(Value memory, Value from, Value count) {
  Value vectorised = roundDown(count, lanes);
  forLoop(constant(0), vectorised, lanes,
          [&](Value i) { vector::StoreOp::create(b, loc, zeros(), memory, add(from, i)); });
  forLoop(vectorised, count, 1,
          [&](Value i) { memref::StoreOp::create(b, loc, zero(), memory, add(from, i)); });
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void SkinnyContraction::emit(function_ref<void()> otherwise) {
  rowTotal = rows.total(b, loc);
  columnTotal = columns.total(b, loc);
  depthTotal = depth.total(b, loc);
  if (std::optional<int64_t> known = rows.staticTotal()) {
    // A tile may have fewer rows than the schedule was chosen for.
    height = std::clamp<int64_t>(*known, 1, height);
    std::optional<int64_t> length = depth.staticTotal();
    bool isOneBlock = shape.columnsLast && length && *length > 0 && *length <= depthBlock &&
                      split <= 1 && columns.uniformStride(result) == 1 &&
                      llvm::all_of(outer.loops, [&](unsigned loop) {
                        return op.getIndexingMapsArray()[2].isFunctionOfDim(loop);
                      });
    startsFromZero = isOneBlock && removeZeroFill(op);
    return emitRows();
  }
  Value isFew =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sle, rowTotal, constant(kSkinnyRows));
  auto choice = scf::IfOp::create(b, loc, isFew, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  emitRows();
  op->moveBefore(choice.elseBlock()->getTerminator());
  otherwise();
}

void SkinnyContraction::emitRows() {
  forEach(outer, {&thin, &wide, &result}, SmallVector<Value>(3, constant(0)),
          [&](ArrayRef<Value> offsets) {
            thinStart = offsets[0], wideStart = offsets[1], resultStart = offsets[2];
            emitProduct();
          });
}

void SkinnyContraction::emitProduct() {
  if (split > 1 && outer.empty() && rows.staticTotal() && shape.columnsLast &&
      !op->getParentOfType<scf::ForallOp>())
    return emitSplit();
  if (shape.columnsLast && columns.uniformStride(result) != 1)
    return emitStaged();
  OpFoldResult stride = result.strides[columns.loops.back()];
  Sums sums;
  sums.memory = result.flat;
  sums.row = [this](Value row) { return add(resultStart, rows.offset(b, loc, row, result)); };
  if (getConstantIntValue(stride) != 1)
    sums.columnStride = asValue(stride);
  emitRange({constant(0), depthTotal, depth.staticTotal()}, sums);
}

/// Sums in a buffer of their own, added to a result whose columns are not contiguous.
void SkinnyContraction::emitStaged() {
  Value size = mul(rowTotal, columnTotal);
  Sums sums;
  sums.memory = allocate(size, element);
  sums.row = [this](Value row) { return mul(row, columnTotal); };
  clear(sums.memory, constant(0), size);
  emitRange({constant(0), depthTotal, depth.staticTotal()}, sums);
  addToResult(sums.memory, 1);
}

/// Each thread sums a range of the depth over all columns, so that what it reads is one run
/// through memory; the ranges' sums are added up at the end.
void SkinnyContraction::emitSplit() {
  int64_t parts = split;
  // Whole blocks of the depth for all but the last.
  Value block = constant(depthBlock);
  Value blocks = ceilDiv(depthTotal, depthBlock);
  Value each = mul(ceilDiv(blocks, parts), block);
  std::optional<int64_t> total = depth.staticTotal();
  bool isEven = total && *total % (parts * depthBlock) == 0;
  Value size = mul(rowTotal, columnTotal);
  Value memory = allocate(mul(size, constant(parts)), element);
  auto loop = scf::ForallOp::create(b, loc, ArrayRef<OpFoldResult>{b.getIndexAttr(parts)},
                                    ValueRange(), std::nullopt);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(loop.getTerminator());
    Value part = loop.getInductionVar(0);
    Value from = mul(part, size);
    clear(memory, from, size);
    Sums sums;
    sums.memory = memory;
    sums.row = [&](Value row) { return add(from, mul(row, columnTotal)); };
    Value start = min(mul(part, each), depthTotal);
    emitRange({start, min(add(start, each), depthTotal),
               isEven ? std::optional<int64_t>(*total / parts) : std::nullopt},
              sums);
  }
  addToResult(memory, parts);
}

/// Adds what lies in memory to the result, row by row: `parts` times the size of the result.
void SkinnyContraction::addToResult(Value memory, int64_t parts) {
  Value size = mul(rowTotal, columnTotal);
  forLoop(constant(0), rowTotal, 1, [&](Value row) {
    Value to = add(resultStart, rows.offset(b, loc, row, result)), from = mul(row, columnTotal);
    forLoop(constant(0), columnTotal, 1, [&](Value column) {
      Value at = add(to, columns.offset(b, loc, column, result));
      Value sum = memref::LoadOp::create(b, loc, result.flat, at);
      for (int64_t part = 0; part < parts; ++part) {
        Value next = memref::LoadOp::create(b, loc, memory,
                                            add(mul(constant(part), size), add(from, column)));
        sum = isa<FloatType>(element) ? arith::AddFOp::create(b, loc, sum, next).getResult()
                                      : arith::AddIOp::create(b, loc, sum, next).getResult();
      }
      memref::StoreOp::create(b, loc, sum, result.flat, at);
    });
  });
}

void SkinnyContraction::emitRange(DepthRange range, Sums &sums) {
  shape.columnsLast ? emitColumns(range, sums) : emitDepth(range, sums);
}

/// The rows in panels of `height`, with a last one of what is left: of one row at a time
/// where that is not known.
void SkinnyContraction::forPanels(function_ref<void(Value, int64_t)> body) {
  if (std::optional<int64_t> known = rows.staticTotal()) {
    for (int64_t row = 0; row < *known; row += height)
      body(constant(row), std::min(height, *known - row));
    return;
  }
  Value whole = roundDown(rowTotal, height);
  forLoop(constant(0), whole, height, [&](Value row) { body(row, height); });
  if (height > 1)
    forLoop(whole, rowTotal, 1, [&](Value row) { body(row, 1); });
}
