// SPDX-License-Identifier: Apache-2.0
// Packs an operand of a contraction in the order in which the register tile reads
// it: panel p holds, for each depth, the elements of its `width` rows (or
// columns), zeros past the last one.

#include "ContractionLowering.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// One element, widened to the accumulator's type.
Value ContractionLowering::loadElement(Side &side, Value offset) {
  Value value = memref::LoadOp::create(b, loc, side.access.flat, offset);
  return value.getType() == element ? value
                                    : arith::ExtFOp::create(b, loc, element, value).getResult();
}

void ContractionLowering::pack(Side &side, Value depthStart, Value depthCount) {
  forLoop(constant(0), side.panels, 1,
          [&](Value panel) { packPanel(side, panel, depthStart, depthCount); });
}

void ContractionLowering::packPanel(Side &side, Value panel, Value depthStart, Value depthCount) {
  Value width = constant(side.width);
  Value base = mul(panel, constant(side.width * depthBlock));
  Value start = mul(panel, width);
  Value count = min(width, sub(side.total, start));
  auto general = [&] {
    packEach(side, start, count, base, depthStart, depthCount);
    padPanel(side, count, base, depthCount);
  };
  if (side.offsets)
    forLoop(constant(0), count, 1, [&](Value r) {
      Value offset = side.group.offset(b, loc, add(start, r), side.access);
      memref::StoreOp::create(b, loc, offset, side.offsets, r);
    });
  Type own = cast<MemRefType>(side.access.flat.getType()).getElementType();
  if (own != element || side.width == 1)
    return general();
  Value isWhole = equal(count, width);
  if (side.offsets) {
    // Elements at different distances often are one piece all the same.
    Value first = memref::LoadOp::create(b, loc, side.offsets, constant(0));
    Value last = memref::LoadOp::create(b, loc, side.offsets, constant(side.width - 1));
    Value isPiece =
        arith::AndIOp::create(b, loc, isWhole, equal(sub(last, first), constant(side.width - 1)));
    Value from = add(side.batchOffset, first);
    // Or several pieces, where whole rows of an image fit into the panel.
    int64_t run = runLength(side);
    auto pieces = [&] {
      if (run < 4 || side.width % run != 0)
        return general();
      ifElse(isWhole, [&] { packRuns(side, run, base, depthStart, depthCount); }, general);
    };
    return ifElse(
        isPiece, [&] { packContiguous(side, from, base, depthStart, depthCount); }, pieces);
  }
  if (side.group.uniformStride(side.access) == 1) {
    Value from = add(side.batchOffset, start);
    return ifElse(
        isWhole, [&] { packContiguous(side, from, base, depthStart, depthCount); }, general);
  }
  if (depth.uniformStride(side.access) == 1 && side.width % 8 == 0)
    return ifElse(
        isWhole, [&] { packTransposed(side, start, base, depthStart, depthCount); }, general);
  general();
}

/// A panel whose elements are neighbours: whole vectors.
void ContractionLowering::packContiguous(Side &side, Value from, Value base, Value depthStart,
                                         Value depthCount) {
  auto vectorType = VectorType::get({side.width}, element);
  forLoop(constant(0), depthCount, 1, [&](Value k) {
    Value at = add(from, depth.offset(b, loc, add(depthStart, k), side.access));
    Value row = vector::LoadOp::create(b, loc, vectorType, side.access.flat, at);
    vector::StoreOp::create(b, loc, row, side.packed, add(base, mul(k, constant(side.width))));
  });
}

/// The number of neighbouring elements that the innermost loop runs over, 0 where it
/// is not known.
int64_t ContractionLowering::runLength(const Side &side) const {
  bool isContiguous = getConstantIntValue(side.access.strides[side.group.loops.back()]) == 1;
  return isContiguous ? getConstantIntValue(side.group.extents.back()).value_or(0) : 0;
}

/// A panel of pieces of `run` neighbours each.
void ContractionLowering::packRuns(Side &side, int64_t run, Value base, Value depthStart,
                                   Value depthCount) {
  auto vectorType = VectorType::get({run}, element);
  SmallVector<Value> starts;
  for (int64_t r = 0; r < side.width; r += run) {
    Value offset = memref::LoadOp::create(b, loc, side.offsets, constant(r));
    starts.push_back(add(side.batchOffset, offset));
  }
  forLoop(constant(0), depthCount, 1, [&](Value k) {
    Value at = depth.offset(b, loc, add(depthStart, k), side.access);
    Value to = add(base, mul(k, constant(side.width)));
    for (auto [i, start] : llvm::enumerate(starts)) {
      Value piece = vector::LoadOp::create(b, loc, vectorType, side.access.flat, add(start, at));
      vector::StoreOp::create(b, loc, piece, side.packed, add(to, constant(i * run)));
    }
  });
}

/// A panel that is contiguous along the depth instead: squares of 16 by 16, or 8 by
/// 8, are transposed in registers, in rounds that exchange ever smaller blocks.
void ContractionLowering::packTransposed(Side &side, Value start, Value base, Value depthStart,
                                         Value depthCount) {
  int64_t n = side.width % 16 == 0 ? 16 : 8;
  auto vectorType = VectorType::get({n}, element);
  auto rowStart = [&](Value r) {
    Value offset = side.group.offset(b, loc, add(start, r), side.access);
    return add(add(side.batchOffset, offset), depthStart);
  };
  Value squares = mul(arith::DivUIOp::create(b, loc, depthCount, constant(n)), constant(n));
  for (int64_t column = 0; column < side.width; column += n) {
    SmallVector<Value> from;
    for (int64_t i = 0; i < n; ++i)
      from.push_back(rowStart(constant(column + i)));
    forLoop(constant(0), squares, n, [&](Value k) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < n; ++i)
        square.push_back(
            vector::LoadOp::create(b, loc, vectorType, side.access.flat, add(from[i], k)));
      for (int64_t block = n / 2; block > 0; block /= 2) {
        SmallVector<int64_t> low, high;
        for (int64_t lane = 0; lane < n; ++lane) {
          bool inHigh = lane & block;
          low.push_back(inHigh ? n + lane - block : lane);
          high.push_back(inHigh ? n + lane : lane + block);
        }
        for (int64_t i = 0; i < n; ++i) {
          if (i & block)
            continue;
          Value x = square[i], y = square[i + block];
          square[i] = vector::ShuffleOp::create(b, loc, x, y, low);
          square[i + block] = vector::ShuffleOp::create(b, loc, x, y, high);
        }
      }
      for (int64_t i = 0; i < n; ++i) {
        Value to = add(base, add(mul(add(k, constant(i)), constant(side.width)), constant(column)));
        vector::StoreOp::create(b, loc, square[i], side.packed, to);
      }
    });
  }
  forLoop(squares, depthCount, 1, [&](Value k) {
    Value to = add(base, mul(k, constant(side.width)));
    forLoop(constant(0), constant(side.width), 1, [&](Value r) {
      memref::StoreOp::create(b, loc, loadElement(side, add(rowStart(r), k)), side.packed,
                              add(to, r));
    });
  });
}

/// The first `count` elements of a panel, one by one.
void ContractionLowering::packEach(Side &side, Value start, Value count, Value base,
                                   Value depthStart, Value depthCount) {
  Value zero = constant(0), width = constant(side.width);
  auto offsetOf = [&](Value r) -> Value {
    if (side.offsets)
      return memref::LoadOp::create(b, loc, side.offsets, r);
    return side.group.offset(b, loc, add(start, r), side.access);
  };
  // Reads run along whichever of depth and rows is contiguous.
  if (depth.uniformStride(side.access) == 1 && side.group.uniformStride(side.access) != 1) {
    forLoop(zero, count, 1, [&](Value r) {
      Value row = add(add(side.batchOffset, offsetOf(r)), depthStart);
      forLoop(zero, depthCount, 1, [&](Value k) {
        memref::StoreOp::create(b, loc, loadElement(side, add(row, k)), side.packed,
                                add(base, add(mul(k, width), r)));
      });
    });
    return;
  }
  forLoop(zero, depthCount, 1, [&](Value k) {
    Value from = add(side.batchOffset, depth.offset(b, loc, add(depthStart, k), side.access));
    Value to = add(base, mul(k, width));
    forLoop(zero, count, 1, [&](Value r) {
      memref::StoreOp::create(b, loc, loadElement(side, add(from, offsetOf(r))), side.packed,
                              add(to, r));
    });
  });
}

/// Zeros for the elements from `count` on.
void ContractionLowering::padPanel(Side &side, Value count, Value base, Value depthCount) {
  Value width = constant(side.width);
  forLoop(constant(0), depthCount, 1, [&](Value k) {
    Value to = add(base, mul(k, width));
    forLoop(count, width, 1, [&](Value r) {
      Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
      memref::StoreOp::create(b, loc, zero, side.packed, add(to, r));
    });
  });
}
