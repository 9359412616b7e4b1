// SPDX-License-Identifier: Apache-2.0
// Packs narrow elements for instructions that multiply and add `step` neighbours of
// the depth at a time: where a panel has one element for each row, it has a group of
// them here. The last group is filled up with zeros.

#include "PanelOperand.h"
#include "TransposeVectors.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/Buffer/DepthGroups.h"

using namespace mlir;
using namespace mlir::torsh;

std::optional<DepthGroups> mlir::torsh::groupDepth(const ProductElements &elements,
                                                   DepthGrouping grouping, int64_t width) {
  Type element = elements.rows;
  if (elements.columns != element || width % 4 != 0)
    return std::nullopt;
  bool isOfBytes = element.isInteger(8) && elements.sum.isInteger(32);
  if (grouping.step == 4 && isOfBytes) {
    if (!grouping.flipsRows)
      return DepthGroups{element};
    return DepthGroups{element, /*flipsRows=*/true, elements.rowsAreUnsigned ? 128 : -128};
  }
  if (grouping.step != 2 || grouping.flipsRows)
    return std::nullopt;
  if (isOfBytes)
    return DepthGroups{IntegerType::get(element.getContext(), 16)};
  bool isOfHalfwords = element.isInteger(16) && elements.sum.isInteger(32) &&
                       !elements.rowsAreUnsigned && !elements.columnsAreUnsigned;
  if (isOfHalfwords || (element.isBF16() && elements.sum.isF32()))
    return DepthGroups{element};
  return std::nullopt;
}

std::optional<unsigned> mlir::torsh::findPairedLoop(linalg::GenericOp op,
                                                    ArrayRef<int64_t> registerTile) {
  auto elementOf = [](Value x) { return getElementTypeOrSelf(x.getType()); };
  ProductElements elements{elementOf(op.getInputs()[0]), elementOf(op.getInputs()[1]),
                           elementOf(op.getOutputs()[0])};
  if (registerTile.size() < 3 || !elements.rows.isBF16() ||
      !groupDepth(elements, DepthGrouping::read(registerTile), registerTile[1]))
    return std::nullopt;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (auto [loop, extent] : llvm::enumerate(op.getStaticLoopRanges())) {
    if (extent == 1 || maps[2].isFunctionOfDim(loop))
      continue;
    // The first loop of the depth, or none.
    AffineExpr index = getAffineDimExpr(loop, op.getContext());
    bool isChannel = maps[0].getResultPosition(index) && maps[1].getResultPosition(index);
    return !ShapedType::isDynamic(extent) && extent % 2 == 0 && isChannel
               ? std::optional<unsigned>(loop)
               : std::nullopt;
  }
  return std::nullopt;
}

Value PanelOperand::zeros(int64_t count) const {
  return arith::ConstantOp::create(b, loc, b.getZeroAttr(VectorType::get({count}, element)));
}

void PanelOperand::packGroupPanel(Value panel, Value depthStart, Value depthCount) {
  Value start = mul(panel, constant(width));
  Value count = min(constant(width), sub(total, start));
  if (!offsets && depth.uniformStride(access) == 1 && width % 8 == 0)
    return transposeGroups(start, groupsBase(panel, depthStart, depthCount), depthStart,
                           constant(0), depthCount);
  if (!offsets)
    return packEachGroup(panel, start, count, depthStart, depthCount);
  // Rows at different distances often are one piece all the same.
  auto [first, isPiece] = readOffsets(start, count);
  Value from = add(batchOffset, first);
  ifElse(
      isPiece, [&] { interleave(1, panel, from, depthStart, depthCount, constant(0), depthCount); },
      [&] { packEachGroup(panel, start, count, depthStart, depthCount); });
}

/// Vectors x0 x1 ... and y0 y1 ... as x0 y0 x1 y1 ...
static Value zip(OpBuilder &b, Location loc, Value x, Value y) {
  int64_t count = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> lanes;
  for (int64_t i = 0; i < count; ++i)
    lanes.append({i, count + i});
  return vector::ShuffleOp::create(b, loc, x, y, lanes);
}

/// Panels whose rows are neighbours: `step` vectors, one for each of the depths [first, last) of
/// a block, become one.
void PanelOperand::interleave(int64_t panelCount, Value firstPanel, Value from, Value depthStart,
                              Value depthCount, Value first, Value last) {
  SmallVector<Value> bases;
  for (int64_t p = 0; p < panelCount; ++p)
    bases.push_back(groupsBase(add(firstPanel, constant(p)), depthStart, depthCount));
  auto store = [&](Value k, ArrayRef<Value> starts, bool isCut) {
    for (auto [p, base] : llvm::enumerate(bases)) {
      SmallVector<Value> vectors;
      for (auto [j, start] : llvm::enumerate(starts)) {
        Value vector = loadVector(width, add(start, constant(p * width)));
        if (isCut && j > 0) {
          Value exists = less(add(k, constant(j)), last);
          vector = arith::SelectOp::create(b, loc, exists, vector, zeros(width));
        }
        vectors.push_back(vector);
      }
      while (vectors.size() > 1) {
        // Pairs of what is twice as wide, so that the shuffles stay simple ones.
        SmallVector<Value> pairs;
        for (size_t i = 0; i < vectors.size(); i += 2) {
          Value zipped = zip(b, loc, vectors[i], vectors[i + 1]);
          Type wider =
              b.getIntegerType(2 * cast<VectorType>(zipped.getType()).getElementTypeBitWidth());
          pairs.push_back(
              vector::BitCastOp::create(b, loc, VectorType::get({width}, wider), zipped));
        }
        vectors = std::move(pairs);
      }
      Value groups = vector::BitCastOp::create(b, loc, VectorType::get({width * step}, element),
                                               vectors.front());
      vector::StoreOp::create(b, loc, groups, packed, add(base, mul(k, constant(width))));
    }
  };
  auto startsAt = [&](Value k, bool isCut) {
    SmallVector<Value> starts;
    for (int64_t j = 0; j < step; ++j) {
      Value at = add(k, constant(j));
      if (isCut)
        at = min(at, sub(last, constant(1)));
      starts.push_back(add(from, depth.offset(b, loc, add(depthStart, at), access)));
    }
    return starts;
  };
  Value whole = add(first, roundDown(sub(last, first), step));
  forLoop(first, whole, step, [&](Value k) { store(k, startsAt(k, false), false); });
  ifElse(less(whole, last), [&] { store(whole, startsAt(whole, true), true); }, nullptr);
}

/// A panel that is contiguous along the depth: its groups are words of memory, which are
/// transposed as such. What is past the last row is the last row again. Takes the depths
/// [first, last) of a block.
void PanelOperand::transposeGroups(Value start, Value base, Value depthStart, Value first,
                                   Value last) {
  int64_t n = width % 16 == 0 ? 16 : 8;
  auto wordType = VectorType::get({n}, b.getI32Type());
  auto groupType = VectorType::get({n * step}, element);
  Value lastRow = sub(total, constant(1));
  auto rowStart = [&](Value r) {
    Value offset = group.offset(b, loc, min(add(start, r), lastRow), access);
    return add(add(batchOffset, offset), depthStart);
  };
  Value squares = add(first, roundDown(sub(last, first), n * step));
  for (int64_t column = 0; column < width; column += n) {
    SmallVector<Value> from;
    for (int64_t i = 0; i < n; ++i)
      from.push_back(rowStart(constant(column + i)));
    forLoop(first, squares, n * step, [&](Value k) {
      SmallVector<Value> square;
      for (Value row : from)
        square.push_back(
            vector::BitCastOp::create(b, loc, wordType, loadVector(n * step, add(row, k))));
      square = transposeVectors(b, loc, square);
      Value to = add(base, add(mul(k, constant(width)), constant(column * step)));
      for (auto [i, words] : llvm::enumerate(square))
        vector::StoreOp::create(b, loc, vector::BitCastOp::create(b, loc, groupType, words), packed,
                                add(to, constant(i * width * step)));
    });
  }
  forLoop(squares, last, 1, [&](Value k) {
    forLoop(constant(0), constant(width), 1, [&](Value r) {
      memref::StoreOp::create(b, loc, loadElement(add(rowStart(r), k)), packed,
                              placeInGroup(base, k, r));
    });
  });
  fillLastGroup(base, constant(width), last);
}

Value PanelOperand::placeInGroup(Value base, Value k, Value r) const {
  Value inGroup = arith::RemUIOp::create(b, loc, k, constant(step));
  Value groupStart = mul(div(k, step), constant(width * step));
  return add(base, add(groupStart, add(mul(r, constant(step)), inGroup)));
}

/// The first `count` rows of a panel, element by element.
void PanelOperand::packEachGroup(Value panel, Value start, Value count, Value depthStart,
                                 Value depthCount) {
  Value base = groupsBase(panel, depthStart, depthCount);
  forLoop(constant(0), count, 1, [&](Value r) {
    Value row = offsets ? memref::LoadOp::create(b, loc, offsets, r).getResult()
                        : group.offset(b, loc, add(start, r), access);
    row = add(batchOffset, row);
    forLoop(constant(0), depthCount, 1, [&](Value k) {
      Value at = add(row, depth.offset(b, loc, add(depthStart, k), access));
      memref::StoreOp::create(b, loc, loadElement(at), packed, placeInGroup(base, k, r));
    });
  });
  fillLastGroup(base, count, depthCount);
}

void PanelOperand::fillLastGroup(Value base, Value count, Value depthCount) {
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  forLoop(depthCount, mul(ceilDiv(depthCount, step), constant(step)), 1, [&](Value k) {
    forLoop(constant(0), count, 1, [&](Value r) {
      memref::StoreOp::create(b, loc, zero, packed, placeInGroup(base, k, r));
    });
  });
}

/// Puts `sumsFactor` times the sum of each row in front of the panel.
void PanelOperand::storeSums(Value panel, Value depthStart, Value depthCount) {
  auto sumType = VectorType::get({width}, b.getI32Type());
  auto groupType = VectorType::get({width * step}, element);
  Value base = panelBase(panel, depthStart, depthCount);
  Value start = add(base, constant(head()));
  Value ones = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(VectorType::get({step}, element), b.getI8IntegerAttr(1)));
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(sumType));
  auto loop = scf::ForOp::create(
      b, loc, constant(0), ceilDiv(depthCount, step), constant(1), zero,
      [&](OpBuilder &inner, Location, Value k, ValueRange sums) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        Value groups = vector::LoadOp::create(b, loc, groupType, packed,
                                              add(start, mul(k, constant(width * step))));
        Value next = dotGroups(ones, isUnsigned, groups, sums[0]);
        scf::YieldOp::create(b, loc, next);
      });
  Value factor = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(sumType, b.getI32IntegerAttr(sumsFactor)));
  Value sums = mul(loop.getResult(0), factor);
  vector::StoreOp::create(b, loc, vector::BitCastOp::create(b, loc, groupType, sums), packed, base);
}

/// `sums` plus the products of one group and each of this operand's groups.
Value PanelOperand::dotGroups(Value one, bool oneIsUnsigned, Value groups, Value sums) const {
  return torsh::dotGroups(b, loc, {one, oneIsUnsigned}, {groups, isUnsigned}, sums);
}

Value mlir::torsh::dotGroups(OpBuilder &b, Location loc, GroupOperand one, GroupOperand groups,
                             Value sums) {
  auto sumsType = cast<VectorType>(sums.getType()), oneType = cast<VectorType>(one.value.getType());
  Type wide = sumsType.getElementType();
  bool isOfBytes = oneType.getElementType().isInteger(8); // Wider integers have a sign.
  auto widen = [&](Value value, bool hasNoSign) -> Value {
    Type type = cast<VectorType>(value.getType()).clone(wide);
    if (isa<FloatType>(wide))
      return arith::ExtFOp::create(b, loc, type, value);
    if (hasNoSign && isOfBytes)
      return arith::ExtUIOp::create(b, loc, type, value);
    return arith::ExtSIOp::create(b, loc, type, value);
  };
  auto matrixType = VectorType::get({sumsType.getNumElements(), oneType.getNumElements()},
                                    oneType.getElementType());
  Value matrix = vector::ShapeCastOp::create(b, loc, matrixType, groups.value);
  AffineExpr n = b.getAffineDimExpr(0), k = b.getAffineDimExpr(1);
  return vector::ContractionOp::create(
      b, loc, widen(one.value, one.isUnsigned), widen(matrix, groups.isUnsigned), sums,
      ArrayRef<ArrayRef<AffineExpr>>{{k}, {n, k}, {n}},
      ArrayRef<vector::IteratorType>{vector::IteratorType::parallel,
                                     vector::IteratorType::reduction});
}
