// SPDX-License-Identifier: Apache-2.0
// Packs an operand of a contraction in the order in which the register tile reads
// it: panel p holds, for each depth, the elements of its `width` rows (or
// columns). What is past the last one is never used, whatever it is.

#include "PanelOperand.h"
#include "TransposeVectors.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// Panels whose pieces of one row of memory are copied together: longer runs of
/// neighbours are what the prefetchers follow.
static constexpr int64_t kPanelsTogether = 4;

void PanelOperand::count() {
  total = group.total(b, loc);
  panels = ceilDiv(total, width);
}

void PanelOperand::allocateOffsets() {
  if (!group.uniformStride(access))
    offsets = allocate(width, b.getIndexType());
}

Value PanelOperand::panelBase(Value panel, Value depthStart, Value depthCount) const {
  if (packing == Packing::PerTile) {
    Value place = panel;
    if (held == 2) // In turn, over blocks of the depth too.
      place = add(mul(div(depthStart, depthBlock), panels), panel);
    if (held)
      place = arith::RemUIOp::create(b, loc, place, constant(held));
    return mul(place, constant(width * depthBlock + head()));
  }
  Value block = mul(depthStart, mul(kernelPanels, constant(width)));
  Value own = firstPanel ? add(firstPanel, panel) : panel;
  if (step == 1)
    return add(block, mul(own, mul(depthCount, constant(width))));
  Value size = mul(ceilDiv(depthCount, step), constant(step * width));
  if (sumsFactor) {
    block = add(block, mul(div(depthStart, depthBlock), mul(kernelPanels, constant(head()))));
    size = add(size, constant(head()));
  }
  return add(block, mul(own, size));
}

Value PanelOperand::groupsBase(Value panel, Value depthStart, Value depthCount) const {
  Value base = panelBase(panel, depthStart, depthCount);
  return sumsFactor ? add(base, constant(head())) : base;
}

/// An element or a vector as it is packed.
Value PanelOperand::widen(Value value) const {
  Type wide = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    wide = vector.clone(element);
  if (flipsSign) {
    TypedAttr bit = b.getIntegerAttr(element, 0x80);
    if (auto vector = dyn_cast<VectorType>(wide))
      bit = DenseElementsAttr::get(vector, bit);
    return arith::XOrIOp::create(b, loc, value, arith::ConstantOp::create(b, loc, bit));
  }
  if (value.getType() == wide)
    return value;
  if (isa<FloatType>(element))
    return arith::ExtFOp::create(b, loc, wide, value);
  if (isUnsigned)
    return arith::ExtUIOp::create(b, loc, wide, value);
  return arith::ExtSIOp::create(b, loc, wide, value);
}

Value PanelOperand::loadElement(Value offset) const {
  return widen(memref::LoadOp::create(b, loc, access.flat, offset));
}

Value PanelOperand::loadVector(int64_t count, Value offset) const {
  auto type = VectorType::get({count}, ownElement());
  return widen(vector::LoadOp::create(b, loc, type, access.flat, offset));
}

void PanelOperand::pack(Value first, Value last, Value depthStart, Value depthCount) {
  auto each = [&](Value from, Value to) {
    forLoop(from, to, 1, [&](Value panel) {
      step > 1 ? packGroupPanel(panel, depthStart, depthCount)
               : packPanel(panel, depthStart, depthCount);
    });
  };
  // Panels of neighbours.
  auto contiguous = [&](int64_t together, Value from, Value to) {
    forLoop(from, to, together, [&](Value panel) {
      Value start = add(batchOffset, mul(panel, constant(width)));
      step > 1
          ? interleave(together, panel, start, depthStart, depthCount, constant(0), depthCount)
          : packContiguous(together, panel, start, depthStart, depthCount, constant(0), depthCount);
    });
  };
  if (offsets || (width == 1 && step == 1) || group.uniformStride(access) != 1) {
    each(first, last);
  } else {
    // Several at a time, then one by one, then the last one if it is not whole.
    Value whole = min(last, div(total, width));
    Value grouped = first;
    if (held != 2) {
      Value together = constant(kPanelsTogether);
      Value groups = arith::DivSIOp::create(b, loc, sub(whole, first), together);
      grouped = add(first, mul(groups, together));
      contiguous(kPanelsTogether, first, grouped);
    }
    contiguous(1, grouped, whole);
    each(whole, last);
  }
  finish(first, last, depthStart, depthCount);
}

void PanelOperand::finish(Value first, Value last, Value depthStart, Value depthCount) {
  if (sumsFactor)
    forLoop(first, last, 1, [&](Value panel) { storeSums(panel, depthStart, depthCount); });
}

bool PanelOperand::transposes() const {
  return group.uniformStride(access) != 1 && depth.uniformStride(access) == 1 && width % 8 == 0;
}

bool PanelOperand::packsInParts() const {
  bool isContiguous = group.uniformStride(access) == 1 && (width > 1 || step > 1);
  return group.uniformStride(access) && (isContiguous || transposes());
}

int64_t PanelOperand::partMultiple() const {
  return transposes() ? step * (width % 16 == 0 ? 16 : 8) : step;
}

Value PanelOperand::isInParts(Value panel) const {
  if (transposes())
    return arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  return less(panel, div(total, width));
}

void PanelOperand::packPart(Value panel, Value depthStart, Value depthCount, Value from, Value to) {
  Value start = mul(panel, constant(width));
  Value base = groupsBase(panel, depthStart, depthCount);
  if (transposes())
    return step > 1 ? transposeGroups(start, base, depthStart, from, to)
                    : packTransposed(start, base, depthStart, from, to);
  start = add(batchOffset, start);
  step > 1 ? interleave(1, panel, start, depthStart, depthCount, from, to)
           : packContiguous(1, panel, start, depthStart, depthCount, from, to);
}

void PanelOperand::packPanel(Value panel, Value depthStart, Value depthCount) {
  if (offsets)
    return packScattered(panel, depthStart, depthCount);
  Value base = panelBase(panel, depthStart, depthCount);
  Value start = mul(panel, constant(width));
  if (depth.uniformStride(access) == 1 && width % 8 == 0)
    return packTransposed(start, base, depthStart, constant(0), depthCount);
  packEach(start, min(constant(width), sub(total, start)), base, depthStart, depthCount);
}

/// Panels whose elements are neighbours: whole vectors, for the depths [first, last) of a block.
void PanelOperand::packContiguous(int64_t panelCount, Value firstPanel, Value from,
                                  Value depthStart, Value depthCount, Value first, Value last) {
  SmallVector<Value> bases;
  for (int64_t p = 0; p < panelCount; ++p)
    bases.push_back(panelBase(add(firstPanel, constant(p)), depthStart, depthCount));
  forLoop(first, last, 1, [&](Value k) {
    Value at = add(from, depth.offset(b, loc, add(depthStart, k), access));
    Value to = mul(k, constant(width));
    for (auto [p, base] : llvm::enumerate(bases))
      vector::StoreOp::create(b, loc, loadVector(width, add(at, constant(p * width))), packed,
                              add(base, to));
  });
}

std::pair<Value, Value> PanelOperand::readOffsets(Value start, Value count) {
  forLoop(constant(0), count, 1, [&](Value r) {
    Value offset = group.offset(b, loc, add(start, r), access);
    memref::StoreOp::create(b, loc, offset, offsets, r);
  });
  Value first = memref::LoadOp::create(b, loc, offsets, constant(0));
  Value last = memref::LoadOp::create(b, loc, offsets, constant(width - 1));
  return {first, arith::AndIOp::create(b, loc, equal(count, constant(width)),
                                       equal(sub(last, first), constant(width - 1)))};
}

/// A panel whose elements are at different distances, which often are one piece all
/// the same, or several where whole rows of an image fit into the panel.
void PanelOperand::packScattered(Value panel, Value depthStart, Value depthCount) {
  Value start = mul(panel, constant(width));
  Value count = min(constant(width), sub(total, start));
  auto [first, isPiece] = readOffsets(start, count);
  Value base = panelBase(panel, depthStart, depthCount);
  auto general = [&] { packEach(start, count, base, depthStart, depthCount); };
  if (width == 1)
    return general();
  int64_t run = runLength();
  auto pieces = [&] {
    if (run < 4 || width % run != 0)
      return general();
    ifElse(
        equal(count, constant(width)), [&] { packRuns(run, base, depthStart, depthCount); },
        general);
  };
  Value from = add(batchOffset, first);
  auto whole = [&] {
    packContiguous(1, panel, from, depthStart, depthCount, constant(0), depthCount);
  };
  ifElse(isPiece, whole, pieces);
}

/// The number of neighbouring elements that the innermost loop runs over, 0 where it
/// is not known.
int64_t PanelOperand::runLength() const {
  bool isContiguous = getConstantIntValue(access.strides[group.loops.back()]) == 1;
  return isContiguous ? getConstantIntValue(group.extents.back()).value_or(0) : 0;
}

/// A panel of pieces of `run` neighbours each.
void PanelOperand::packRuns(int64_t run, Value base, Value depthStart, Value depthCount) {
  SmallVector<Value> starts;
  for (int64_t r = 0; r < width; r += run) {
    Value offset = memref::LoadOp::create(b, loc, offsets, constant(r));
    starts.push_back(add(batchOffset, offset));
  }
  forLoop(constant(0), depthCount, 1, [&](Value k) {
    Value at = depth.offset(b, loc, add(depthStart, k), access);
    Value to = add(base, mul(k, constant(width)));
    for (auto [i, start] : llvm::enumerate(starts))
      vector::StoreOp::create(b, loc, loadVector(run, add(start, at)), packed,
                              add(to, constant(i * run)));
  });
}

/// A panel that is contiguous along the depth instead: squares of 16 by 16, or 8 by
/// 8, are transposed in registers. What is past the last row is the last row again. Takes the
/// depths [first, last) of a block.
void PanelOperand::packTransposed(Value start, Value base, Value depthStart, Value first,
                                  Value last) {
  int64_t n = width % 16 == 0 ? 16 : 8;
  Value lastRow = sub(total, constant(1));
  auto rowStart = [&](Value r) {
    Value offset = group.offset(b, loc, min(add(start, r), lastRow), access);
    return add(add(batchOffset, offset), depthStart);
  };
  Value squares = add(first, roundDown(sub(last, first), n));
  for (int64_t column = 0; column < width; column += n) {
    SmallVector<Value> from;
    for (int64_t i = 0; i < n; ++i)
      from.push_back(rowStart(constant(column + i)));
    forLoop(first, squares, n, [&](Value k) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < n; ++i)
        square.push_back(loadVector(n, add(from[i], k)));
      square = transposeVectors(b, loc, square);
      for (int64_t i = 0; i < n; ++i) {
        Value to = add(base, add(mul(add(k, constant(i)), constant(width)), constant(column)));
        vector::StoreOp::create(b, loc, square[i], packed, to);
      }
    });
  }
  forLoop(squares, last, 1, [&](Value k) {
    Value to = add(base, mul(k, constant(width)));
    forLoop(constant(0), constant(width), 1, [&](Value r) {
      memref::StoreOp::create(b, loc, loadElement(add(rowStart(r), k)), packed, add(to, r));
    });
  });
}

/// The first `count` elements of a panel, one by one.
void PanelOperand::packEach(Value start, Value count, Value base, Value depthStart,
                            Value depthCount) {
  Value zero = constant(0);
  auto offsetOf = [&](Value r) -> Value {
    if (offsets)
      return memref::LoadOp::create(b, loc, offsets, r);
    return group.offset(b, loc, add(start, r), access);
  };
  // Reads run along whichever of depth and rows is contiguous.
  if (depth.uniformStride(access) == 1 && group.uniformStride(access) != 1) {
    forLoop(zero, count, 1, [&](Value r) {
      Value row = add(add(batchOffset, offsetOf(r)), depthStart);
      forLoop(zero, depthCount, 1, [&](Value k) {
        memref::StoreOp::create(b, loc, loadElement(add(row, k)), packed,
                                add(base, add(mul(k, constant(width)), r)));
      });
    });
    return;
  }
  forLoop(zero, depthCount, 1, [&](Value k) {
    Value from = add(batchOffset, depth.offset(b, loc, add(depthStart, k), access));
    Value to = add(base, mul(k, constant(width)));
    forLoop(zero, count, 1, [&](Value r) {
      memref::StoreOp::create(b, loc, loadElement(add(from, offsetOf(r))), packed, add(to, r));
    });
  });
}
