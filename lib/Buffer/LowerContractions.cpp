// SPDX-License-Identifier: Apache-2.0
// Lowers contractions to packed panels and a register-tiled loop, after K. Goto
// and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
// The loops of the operation fall into four groups: batch loops, rows (in the
// result and the left operand), columns (in the result and the right one) and
// depth (in both operands). Rows and columns are chosen so that the result is
// contiguous along the columns.

#include "LinearAccess.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERCONTRACTIONSPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

/// Products of fewer multiplications than this are left as plain loops: packing
/// would cost more than it saves.
constexpr int64_t kSmallestPacked = 4096;

/// An operand with its loops, as rows or columns of the product.
struct Side {
  LinearAccess access;
  LoopGroup group;
  int64_t width;           // rows or columns of the register tile
  Value total, panels;     // iterations of the group, and panels of `width` of them
  Value packed, batchOffset;
};

class ContractionLowering {
public:
  ContractionLowering(linalg::GenericOp op, ScheduleAttr schedule)
      : op(op), b(op), loc(op.getLoc()), schedule(schedule) {}

  /// Emits the loops before the operation, or says why it stays.
  FailureOr<StringRef> classify();
  void emit();

private:
  Value constant(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value min(Value x, Value y) { return arith::MinSIOp::create(b, loc, x, y); }
  Value ceilDiv(Value x, int64_t y) {
    return arith::DivUIOp::create(b, loc, add(x, constant(y - 1)), constant(y));
  }
  Value less(Value x, Value y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
  }
  Value equal(Value x, Value y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
  }
  void forLoop(Value from, Value to, int64_t step, function_ref<void(Value)> body) {
    Value stepValue = constant(step);
    auto loop = scf::ForOp::create(b, loc, from, to, stepValue);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }
  /// One packed element, widened to the accumulator's type.
  Value widen(Value element);

  Value allocatePanels(const Side &side, int64_t extra);
  void emitBatch(size_t next, SmallVectorImpl<Value> &indices);
  void emitProduct();
  void pack(Side &side, Value depthStart, Value depthCount);
  void packPanel(Side &side, Value panel, Value depthStart, Value depthCount);
  void emitMicroKernel(Value rowPanel, Value columnPanel, Value depthCount);

  linalg::GenericOp op;
  OpBuilder b;
  Location loc;
  ScheduleAttr schedule;
  Type element; // of the accumulator
  LoopGroup batch, depth;
  Side rows, columns;
  LinearAccess result;
  Value resultOffset, depthTotal, tileBuffer;
  int64_t depthBlock = 256;
};

FailureOr<StringRef> ContractionLowering::classify() {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  Value left = op.getInputs()[0], right = op.getInputs()[1], out = op.getOutputs()[0];
  SmallVector<Range> ranges =
      cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, loc);
  LoopGroup leftOnly, rightOnly;
  unsigned innermost = 0;
  auto resultMap = maps[2];
  if (resultMap.getNumResults())
    if (auto dim = dyn_cast<AffineDimExpr>(resultMap.getResults().back()))
      innermost = dim.getPosition();
  int64_t work = 1;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    bool inLeft = maps[0].isFunctionOfDim(loop), inRight = maps[1].isFunctionOfDim(loop);
    bool inResult = maps[2].isFunctionOfDim(loop);
    LoopGroup &group = !inResult            ? depth
                       : inLeft && inRight ? batch
                       : inLeft            ? leftOnly
                                           : rightOnly;
    group.loops.push_back(loop);
    group.extents.push_back(ranges[loop].size);
    std::optional<int64_t> extent = getConstantIntValue(ranges[loop].size);
    work = extent && work >= 0 ? work * *extent : -1;
  }
  if (leftOnly.empty() || rightOnly.empty() || depth.empty())
    return StringRef("it has no rows, columns or depth");
  if (work >= 0 && work <= kSmallestPacked)
    return StringRef("it is small");
  bool swap = llvm::is_contained(leftOnly.loops, innermost);
  element = cast<MemRefType>(out.getType()).getElementType();

  FailureOr<LinearAccess> leftAccess = LinearAccess::create(b, loc, left, maps[0]);
  FailureOr<LinearAccess> rightAccess = LinearAccess::create(b, loc, right, maps[1]);
  FailureOr<LinearAccess> resultAccess = LinearAccess::create(b, loc, out, maps[2]);
  if (failed(leftAccess) || failed(rightAccess) || failed(resultAccess))
    return StringRef("an operand is not addressed linearly");
  rows.access = std::move(swap ? *rightAccess : *leftAccess);
  rows.group = std::move(swap ? rightOnly : leftOnly);
  columns.access = std::move(swap ? *leftAccess : *rightAccess);
  columns.group = std::move(swap ? leftOnly : rightOnly);
  result = std::move(*resultAccess);
  return StringRef();
}

Value ContractionLowering::widen(Value value) {
  if (value.getType() == element)
    return value;
  return arith::ExtFOp::create(b, loc, element, value);
}

/// Memory for all panels of a side, of a bounded size where the tile's is.
Value ContractionLowering::allocatePanels(const Side &side, int64_t extra) {
  auto boundOf = [&](Value v) -> std::optional<int64_t> {
    if (std::optional<int64_t> known = getConstantIntValue(v))
      return known;
    FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, ValueBoundsConstraintSet::Variable(v), nullptr, true);
    return succeeded(bound) ? std::optional<int64_t>(*bound) : std::nullopt;
  };
  int64_t panel = side.width * extra;
  std::optional<int64_t> total = 1;
  for (OpFoldResult extent : side.group.extents) {
    std::optional<int64_t> bound = getConstantIntValue(extent);
    if (!bound)
      bound = boundOf(cast<Value>(extent));
    total = total && bound ? std::optional<int64_t>(*total * *bound) : std::nullopt;
  }
  IntegerAttr alignment = b.getI64IntegerAttr(64);
  if (total) {
    int64_t panels = llvm::divideCeil(*total, side.width);
    Value fixed = memref::AllocOp::create(b, loc, MemRefType::get({panels * panel}, element),
                                          alignment);
    return memref::CastOp::create(b, loc, MemRefType::get({ShapedType::kDynamic}, element), fixed);
  }
  return memref::AllocOp::create(b, loc, MemRefType::get({ShapedType::kDynamic}, element),
                                 ValueRange{mul(side.panels, constant(panel))}, alignment);
}

void ContractionLowering::emit() {
  rows.width = 4;
  columns.width = 16;
  if (schedule && schedule.getRegisterTile().size() == 2) {
    rows.width = schedule.getRegisterTile()[0];
    columns.width = schedule.getRegisterTile()[1];
  }
  if (schedule && schedule.getBlock().size() == 3)
    depthBlock = schedule.getBlock()[2];
  if (std::optional<int64_t> known = rows.group.staticTotal())
    rows.width = std::min(rows.width, *known);
  depthTotal = depth.total(b, loc);
  if (std::optional<int64_t> known = depth.staticTotal())
    depthBlock = std::min(depthBlock, *known);
  for (Side *side : {&rows, &columns}) {
    side->total = side->group.total(b, loc);
    side->panels = ceilDiv(side->total, side->width);
    side->packed = allocatePanels(*side, depthBlock);
  }
  tileBuffer = memref::AllocOp::create(
      b, loc, MemRefType::get({rows.width * columns.width}, element), b.getI64IntegerAttr(64));
  SmallVector<Value> indices;
  emitBatch(0, indices);
  op.erase();
}

void ContractionLowering::emitBatch(size_t next, SmallVectorImpl<Value> &indices) {
  if (next < batch.loops.size()) {
    Value extent = getValueOrCreateConstantIndexOp(b, loc, batch.extents[next]);
    forLoop(constant(0), extent, 1, [&](Value index) {
      indices.push_back(index);
      emitBatch(next + 1, indices);
    });
    return;
  }
  auto offsetIn = [&](const LinearAccess &access) {
    Value offset = constant(0);
    for (auto [loop, index] : llvm::zip_equal(batch.loops, indices))
      offset = add(offset, mul(index, getValueOrCreateConstantIndexOp(b, loc,
                                                                      access.strides[loop])));
    return offset;
  };
  rows.batchOffset = offsetIn(rows.access);
  columns.batchOffset = offsetIn(columns.access);
  resultOffset = offsetIn(result);
  emitProduct();
}

void ContractionLowering::emitProduct() {
  forLoop(constant(0), depthTotal, depthBlock, [&](Value depthStart) {
    Value depthCount = min(constant(depthBlock), sub(depthTotal, depthStart));
    pack(columns, depthStart, depthCount);
    pack(rows, depthStart, depthCount);
    forLoop(constant(0), columns.panels, 1, [&](Value columnPanel) {
      forLoop(constant(0), rows.panels, 1, [&](Value rowPanel) {
        emitMicroKernel(rowPanel, columnPanel, depthCount);
      });
    });
  });
}

void ContractionLowering::pack(Side &side, Value depthStart, Value depthCount) {
  forLoop(constant(0), side.panels, 1,
          [&](Value panel) { packPanel(side, panel, depthStart, depthCount); });
}

/// Panel p holds, for each depth, the elements of its `width` rows (or columns),
/// zeros past the last one.
void ContractionLowering::packPanel(Side &side, Value panel, Value depthStart,
                                    Value depthCount) {
  Value width = constant(side.width), zero = constant(0);
  Value base = mul(panel, constant(side.width * depthBlock));
  Value start = mul(panel, width);
  Value count = min(width, sub(side.total, start));
  auto load = [&](Value offset) {
    return widen(memref::LoadOp::create(b, loc, side.access.flat, offset));
  };
  auto store = [&](Value element, Value position) {
    memref::StoreOp::create(b, loc, element, side.packed, position);
  };
  auto depthOffset = [&](Value k) {
    return depth.offset(b, loc, add(depthStart, k), side.access);
  };

  bool isContiguous = side.group.uniformStride(side.access) == 1;
  bool isDepthContiguous = depth.uniformStride(side.access) == 1;
  Value first = add(side.batchOffset, side.group.offset(b, loc, start, side.access));
  Type own = cast<MemRefType>(side.access.flat.getType()).getElementType();
  auto copyEach = [&]() {
    if (isDepthContiguous && !isContiguous) {
      // Read along the rows, which are contiguous, and write across.
      forLoop(zero, count, 1, [&](Value r) {
        Value row = add(side.batchOffset,
                        side.group.offset(b, loc, add(start, r), side.access));
        row = add(row, depthStart);
        forLoop(zero, depthCount, 1, [&](Value k) {
          store(load(add(row, k)), add(base, add(mul(k, width), r)));
        });
      });
    } else {
      forLoop(zero, depthCount, 1, [&](Value k) {
        Value from = add(side.batchOffset, depthOffset(k));
        Value to = add(base, mul(k, width));
        forLoop(zero, count, 1, [&](Value r) {
          Value at = side.group.offset(b, loc, add(start, r), side.access);
          store(load(add(from, at)), add(to, r));
        });
      });
    }
    forLoop(zero, depthCount, 1, [&](Value k) {
      Value to = add(base, mul(k, width));
      forLoop(count, width, 1, [&](Value r) {
        store(arith::ConstantOp::create(b, loc, b.getZeroAttr(element)), add(to, r));
      });
    });
  };
  if (!isContiguous || own != element || side.width == 1)
    return copyEach();
  // Whole rows of a panel as vectors.
  auto isFull = scf::IfOp::create(b, loc, equal(count, width), /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(isFull.thenBlock());
  auto vectorType = VectorType::get({side.width}, element);
  forLoop(zero, depthCount, 1, [&](Value k) {
    Value row = vector::LoadOp::create(b, loc, vectorType, side.access.flat,
                                       add(first, depthOffset(k)));
    vector::StoreOp::create(b, loc, row, side.packed, add(base, mul(k, width)));
  });
  b.setInsertionPointToStart(isFull.elseBlock());
  copyEach();
}

/// One register tile: its accumulators are read from the result, run over the
/// depth, and are written back. At ragged edges, and where the result is not
/// contiguous along the columns, they go through a small buffer.
void ContractionLowering::emitMicroKernel(Value rowPanel, Value columnPanel,
                                          Value depthCount) {
  int64_t height = rows.width, width = columns.width;
  auto rowType = VectorType::get({width}, element);
  SmallVector<Type> tileTypes(height, rowType);
  Value zero = constant(0);
  Value firstRow = mul(rowPanel, constant(height));
  Value firstColumn = mul(columnPanel, constant(width));
  Value rowCount = min(constant(height), sub(rows.total, firstRow));
  Value columnCount = min(constant(width), sub(columns.total, firstColumn));
  bool isContiguous = columns.group.uniformStride(result) == 1;
  Value isFull;
  if (isContiguous)
    isFull = arith::AndIOp::create(b, loc, equal(rowCount, constant(height)),
                                   equal(columnCount, constant(width)));

  auto rowOffset = [&](Value row) {
    return add(resultOffset, rows.group.offset(b, loc, add(firstRow, row), result));
  };
  auto bufferRow = [&](int64_t r) { return constant(r * width); };
  // Copies the elements that exist between the result and the buffer.
  auto copyEdge = [&](bool toBuffer) {
    forLoop(zero, rowCount, 1, [&](Value r) {
      Value row = rowOffset(r);
      Value to = mul(r, constant(width));
      forLoop(zero, columnCount, 1, [&](Value c) {
        Value at = add(row, columns.group.offset(b, loc, add(firstColumn, c), result));
        Value inBuffer = add(to, c);
        if (toBuffer)
          memref::StoreOp::create(b, loc, memref::LoadOp::create(b, loc, result.flat, at),
                                  tileBuffer, inBuffer);
        else
          memref::StoreOp::create(b, loc, memref::LoadOp::create(b, loc, tileBuffer, inBuffer),
                                  result.flat, at);
      });
    });
  };
  auto loadRows = [&](bool direct) {
    SmallVector<Value> tile;
    for (int64_t r = 0; r < height; ++r)
      tile.push_back(direct
                         ? vector::LoadOp::create(b, loc, rowType, result.flat,
                                                  add(rowOffset(constant(r)), firstColumn))
                               .getResult()
                         : vector::LoadOp::create(b, loc, rowType, tileBuffer, bufferRow(r))
                               .getResult());
    return tile;
  };
  auto storeRows = [&](ValueRange tile, bool direct) {
    for (int64_t r = 0; r < height; ++r) {
      if (direct)
        vector::StoreOp::create(b, loc, tile[r], result.flat,
                                add(rowOffset(constant(r)), firstColumn));
      else
        vector::StoreOp::create(b, loc, tile[r], tileBuffer, bufferRow(r));
    }
  };

  SmallVector<Value> tile;
  if (isContiguous) {
    auto load = scf::IfOp::create(b, loc, tileTypes, isFull, /*withElseRegion=*/true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(load.thenBlock());
      scf::YieldOp::create(b, loc, loadRows(/*direct=*/true));
      b.setInsertionPointToStart(load.elseBlock());
      copyEdge(/*toBuffer=*/true);
      scf::YieldOp::create(b, loc, loadRows(/*direct=*/false));
    }
    llvm::append_range(tile, load.getResults());
  } else {
    copyEdge(/*toBuffer=*/true);
    tile = loadRows(/*direct=*/false);
  }

  Value rowBase = mul(rowPanel, constant(height * depthBlock));
  Value columnBase = mul(columnPanel, constant(width * depthBlock));
  auto loop = scf::ForOp::create(
      b, loc, zero, depthCount, constant(1), tile,
      [&](OpBuilder &inner, Location, Value k, ValueRange accumulators) {
        OpBuilder::InsertionGuard guard(b);
        b = inner;
        Value column = vector::LoadOp::create(b, loc, rowType, columns.packed,
                                              add(columnBase, mul(k, constant(width))));
        Value rowStart = add(rowBase, mul(k, constant(height)));
        SmallVector<Value> next;
        for (int64_t r = 0; r < height; ++r) {
          Value scalar = memref::LoadOp::create(b, loc, rows.packed, add(rowStart, constant(r)));
          Value splat = vector::BroadcastOp::create(b, loc, rowType, scalar);
          if (isa<FloatType>(element))
            next.push_back(vector::FMAOp::create(b, loc, splat, column, accumulators[r]));
          else
            next.push_back(add(accumulators[r], mul(splat, column)));
        }
        scf::YieldOp::create(b, loc, next);
      });

  if (!isContiguous) {
    storeRows(loop.getResults(), /*direct=*/false);
    return copyEdge(/*toBuffer=*/false);
  }
  auto store = scf::IfOp::create(b, loc, isFull, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(store.thenBlock());
  storeRows(loop.getResults(), /*direct=*/true);
  b.setInsertionPointToStart(store.elseBlock());
  storeRows(loop.getResults(), /*direct=*/false);
  copyEdge(/*toBuffer=*/false);
}

class LowerContractionsPass
    : public torsh::impl::LowerContractionsPassBase<LowerContractionsPass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    auto schedule = getOperation()->getAttrOfType<ScheduleAttr>("torsh.schedule");
    SmallVector<linalg::GenericOp> contractions;
    getOperation().walk([&](linalg::GenericOp op) {
      if (isContraction(op))
        contractions.push_back(op);
    });
    for (linalg::GenericOp op : contractions) {
      ContractionLowering lowering(op, schedule);
      FailureOr<StringRef> reason = lowering.classify();
      if (succeeded(reason) && reason->empty())
        lowering.emit();
    }
  }
};

} // namespace
