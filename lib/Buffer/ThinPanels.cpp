// SPDX-License-Identifier: Apache-2.0
// The thin operand of a skinny contraction in the order in which its product reads it, in
// the type of the sums. A panel of `h` rows from row r begins at r times the (padded) depth.

#include "SkinnyContraction.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// Bytes of a few rows that are read as they lie: they stay in the first cache, of which rows far
/// apart share few places.
static constexpr int64_t kBytesInPlace = 8192;

/// One row, in the type of the sums, is read as it lies; so are a few short ones where single
/// elements are read.
bool SkinnyContraction::isThinInPlace() const {
  std::optional<int64_t> known = rows.staticTotal(), length = depth.staticTotal();
  if (!known || thinCast)
    return false;
  if (*known == 1)
    return shape.columnsLast ? depth.loops.size() == 1 || depth.uniformStride(thin).has_value()
                             : depth.uniformStride(thin) == 1;
  return shape.columnsLast && length && rows.uniformStride(thin) == *length &&
         depth.uniformStride(thin) == 1 &&
         *known * *length * element.getIntOrFloatBitWidth() / 8 <= kBytesInPlace;
}

Value SkinnyContraction::thinOffset(Value row, Value at) {
  Value offset = add(thinStart, rows.offset(b, loc, row, thin));
  return add(offset, depth.offset(b, loc, at, thin));
}

/// For each depth the elements of the panel's rows side by side.
void SkinnyContraction::packThinByDepth(const DepthRange &range) {
  thinPacked = nullptr;
  if (isThinInPlace())
    return;
  Value count = sub(range.end, range.start);
  thinPacked = allocate(mul(rowTotal, range.size ? constant(*range.size) : depthTotal), element);
  forPanels([&](Value first, int64_t panel) {
    Value base = mul(first, count);
    forLoop(constant(0), count, 1, [&](Value k) {
      Value to = add(base, mul(k, constant(panel)));
      for (int64_t r = 0; r < panel; ++r) {
        Value from = thinOffset(add(first, constant(r)), add(range.start, k));
        Value value = widen(memref::LoadOp::create(b, loc, thin.flat, from), thinCast);
        memref::StoreOp::create(b, loc, value, thinPacked, add(to, constant(r)));
      }
    });
  });
}

/// For each vector of the depth one vector of each of the panel's rows, zeros past the end.
void SkinnyContraction::packThinByVector(const DepthRange &range) {
  thinPacked = nullptr;
  if (isThinInPlace())
    return;
  Value count = sub(range.end, range.start);
  Value whole = roundDown(count, lanes);
  Value padded = roundDown(add(count, constant(lanes - 1)), lanes);
  thinPacked =
      allocate(mul(rowTotal, range.size ? constant(llvm::alignTo(*range.size, lanes))
                                        : roundDown(add(depthTotal, constant(lanes - 1)), lanes)),
               element);
  auto narrow = VectorType::get({lanes}, cast<MemRefType>(thin.flat.getType()).getElementType());
  bool isContiguous = depth.uniformStride(thin) == 1;
  forPanels([&](Value first, int64_t panel) {
    Value base = mul(first, padded);
    auto place = [&](Value k, int64_t r) { // of the vector that begins at k
      return add(base, add(mul(k, constant(panel)), constant(r * lanes)));
    };
    auto copy = [&](Value from, Value to) {
      Value value = widen(memref::LoadOp::create(b, loc, thin.flat, from), thinCast);
      memref::StoreOp::create(b, loc, value, thinPacked, to);
    };
    for (int64_t r = 0; r < panel; ++r) {
      Value row = add(first, constant(r));
      forLoop(constant(0), whole, lanes, [&](Value k) {
        if (isContiguous) {
          Value from = thinOffset(row, add(range.start, k));
          Value value = vector::LoadOp::create(b, loc, narrow, thin.flat, from);
          vector::StoreOp::create(b, loc, widen(value, thinCast), thinPacked, place(k, r));
          return;
        }
        forLoop(constant(0), constant(lanes), 1, [&](Value lane) {
          copy(thinOffset(row, add(range.start, add(k, lane))), add(place(k, r), lane));
        });
      });
      if (range.size && *range.size % lanes == 0)
        continue;
      auto ragged = scf::IfOp::create(b, loc, less(whole, count), /*withElseRegion=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(ragged.thenBlock());
      vector::StoreOp::create(b, loc, zeros(), thinPacked, place(whole, r));
      forLoop(constant(0), sub(count, whole), 1, [&](Value lane) {
        copy(thinOffset(row, add(range.start, add(whole, lane))), add(place(whole, r), lane));
      });
    }
  });
}
