// SPDX-License-Identifier: Apache-2.0
// Gives each tile the margin of its own piece instead of a padded copy of the whole.

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_PADTILESPASS
#include "torshjit/Tensor/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

/// One axis of a piece of a padded tensor: what of it lies before and in the tensor.
struct PaddedAxis {
  OpFoldResult begin, count; // of the elements in the tensor that are read
  OpFoldResult low, size;    // the margin before them, and the piece with both margins
};

/// Writes `margin` into the slab of `piece` from `from` up to `to` along one axis.
Value fillSlab(OpBuilder &b, Location loc, Value piece, ArrayRef<OpFoldResult> sizes, size_t axis,
               OpFoldResult from, OpFoldResult count, Value margin) {
  if (getConstantIntValue(count) == 0)
    return piece;
  SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0)), extents(sizes);
  SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
  offsets[axis] = from;
  extents[axis] = count;
  // Bufferisation finds the place of the slab in the piece.
  Type element = getElementTypeOrSelf(piece.getType());
  Value slab = tensor::EmptyOp::create(b, loc, extents, element);
  Value filled = linalg::FillOp::create(b, loc, margin, slab).getResult(0);
  return tensor::InsertSliceOp::create(b, loc, filled, piece, offsets, extents, ones);
}

/// The piece of a padded tensor that a tile reads, padded by itself.
Value padPiece(OpBuilder &b, tensor::ExtractSliceOp slice, tensor::InsertSliceOp padded,
               linalg::FillOp fill) {
  Location loc = slice.getLoc();
  AffineExpr s0 = b.getAffineSymbolExpr(0), s1 = b.getAffineSymbolExpr(1);
  AffineExpr s2 = b.getAffineSymbolExpr(2);
  auto apply = [&](AffineExpr expr, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineApply(b, loc, expr, operands);
  };
  // The larger, or smaller, of an expression and a bound.
  auto atLeast = [&](AffineExpr expr, AffineExpr bound, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineMax(
        b, loc, AffineMap::get(0, operands.size(), {expr, bound}, b.getContext()), operands);
  };
  auto atMost = [&](AffineExpr expr, AffineExpr bound, ArrayRef<OpFoldResult> operands) {
    return affine::makeComposedFoldedAffineMin(
        b, loc, AffineMap::get(0, operands.size(), {expr, bound}, b.getContext()), operands);
  };
  AffineExpr zero = b.getAffineConstantExpr(0);
  SmallVector<PaddedAxis> axes;
  SmallVector<OpFoldResult> sizes;
  auto paddedType = cast<RankedTensorType>(padded.getType());
  for (auto [axis, offset, size, margin, extent] :
       llvm::enumerate(slice.getMixedOffsets(), slice.getMixedSizes(), padded.getMixedOffsets(),
                       padded.getMixedSizes())) {
    sizes.push_back(size);
    std::optional<int64_t> whole = getConstantIntValue(extent);
    if (getConstantIntValue(margin) == 0 &&
        ((whole && whole == paddedType.getDimSize(axis)) ||
         isEqualConstantIntOrValue(
             extent,
             fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>().getMixedSizes()[axis]))) {
      axes.push_back({offset, size, b.getIndexAttr(0), size});
      continue;
    }
    OpFoldResult begin = atLeast(s0 - s1, zero, {offset, margin});
    begin = atMost(s0, s1, {begin, extent});
    OpFoldResult end = atLeast(s0 + s1 - s2, zero, {offset, size, margin});
    end = atMost(s0, s1, {end, extent});
    OpFoldResult low = atLeast(s0 - s1, zero, {margin, offset});
    low = atMost(s0, s1, {low, size});
    axes.push_back({begin, apply(s0 - s1, {end, begin}), low, size});
  }

  Type element = paddedType.getElementType();
  Value piece = tensor::EmptyOp::create(b, loc, sizes, element);
  SmallVector<OpFoldResult> begins, counts, lows, ones(axes.size(), b.getIndexAttr(1));
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Value margin = fill.getInputs()[0];
    piece = fillSlab(b, loc, piece, sizes, i, b.getIndexAttr(0), axis.low, margin);
    OpFoldResult after = apply(s0 + s1, {axis.low, axis.count});
    piece = fillSlab(b, loc, piece, sizes, i, after, apply(s0 - s1, {axis.size, after}), margin);
    begins.push_back(axis.begin);
    counts.push_back(axis.count);
    lows.push_back(axis.low);
  }
  Value inside = tensor::ExtractSliceOp::create(b, loc, padded.getSource(), begins, counts, ones);
  piece = tensor::InsertSliceOp::create(b, loc, inside, piece, lows, counts, ones);
  if (piece.getType() != slice.getType())
    piece = tensor::CastOp::create(b, loc, slice.getType(), piece);
  return piece;
}

bool hasUnitStrides(ArrayRef<OpFoldResult> strides) {
  return llvm::all_of(strides, [](OpFoldResult x) { return getConstantIntValue(x) == 1; });
}

class PadTilesPass : public torsh::impl::PadTilesPassBase<PadTilesPass> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel))
      return;
    SmallVector<tensor::ExtractSliceOp> slices;
    kernel.walk([&](tensor::ExtractSliceOp slice) { slices.push_back(slice); });
    for (tensor::ExtractSliceOp slice : slices) {
      auto padded = slice.getSource().getDefiningOp<tensor::InsertSliceOp>();
      auto loop = slice->getParentOfType<scf::ForallOp>();
      if (!padded || !loop || loop->isAncestor(padded))
        continue;
      auto fill = padded.getDest().getDefiningOp<linalg::FillOp>();
      int64_t rank = padded.getType().getRank();
      if (!fill || !fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>() ||
          padded.getSourceType().getRank() != rank || slice.getType().getRank() != rank ||
          !hasUnitStrides(padded.getMixedStrides()) || !hasUnitStrides(slice.getMixedStrides()))
        continue;
      OpBuilder builder(slice);
      slice.replaceAllUsesWith(padPiece(builder, slice, padded, fill));
      slice.erase();
    }
  }
};

} // namespace
