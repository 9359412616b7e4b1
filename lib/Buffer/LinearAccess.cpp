// SPDX-License-Identifier: Apache-2.0
// Operands of a structured operation as linear functions of its loops.

#include "LinearAccess.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

/// The factors of the loops in a linear expression without a constant term.
static FailureOr<SmallVector<int64_t>> linearFactors(AffineExpr expr, unsigned numLoops) {
  bool isLinear = true;
  expr.walk([&](AffineExpr inner) {
    isLinear &= inner.getKind() == AffineExprKind::Add || inner.getKind() == AffineExprKind::Mul ||
                inner.getKind() == AffineExprKind::Constant ||
                inner.getKind() == AffineExprKind::DimId;
  });
  if (!isLinear || !expr.isPureAffine())
    return failure();
  MLIRContext *context = expr.getContext();
  SmallVector<AffineExpr> point(numLoops, getAffineConstantExpr(0, context));
  auto valueAt = [&]() { return cast<AffineConstantExpr>(expr.replaceDims(point)).getValue(); };
  if (valueAt() != 0)
    return failure();
  SmallVector<int64_t> factors;
  for (unsigned loop = 0; loop < numLoops; ++loop) {
    point[loop] = getAffineConstantExpr(1, context);
    factors.push_back(valueAt());
    point[loop] = getAffineConstantExpr(0, context);
  }
  return factors;
}

FailureOr<LinearAccess> LinearAccess::create(OpBuilder &builder, Location loc, Value memref,
                                             AffineMap map) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<SmallVector<int64_t>> factors;
  for (AffineExpr expr : map.getResults()) {
    FailureOr<SmallVector<int64_t>> own = linearFactors(expr, map.getNumDims());
    if (failed(own))
      return failure();
    factors.push_back(std::move(*own));
  }
  auto metadata = memref::ExtractStridedMetadataOp::create(builder, loc, memref);
  SmallVector<OpFoldResult> memrefStrides = metadata.getConstifiedMixedStrides();
  OpFoldResult offset = metadata.getConstifiedMixedOffset();

  LinearAccess access;
  AffineExpr s0 = builder.getAffineSymbolExpr(0), s1 = builder.getAffineSymbolExpr(1);
  for (unsigned loop = 0; loop < map.getNumDims(); ++loop) {
    OpFoldResult stride = builder.getIndexAttr(0);
    for (auto [axis, own] : llvm::enumerate(factors))
      if (own[loop])
        stride = affine::makeComposedFoldedAffineApply(builder, loc, s0 + s1 * own[loop],
                                                       {stride, memrefStrides[axis]});
    access.strides.push_back(stride);
  }
  int64_t staticOffset = getConstantIntValue(offset).value_or(ShapedType::kDynamic);
  auto flatType = MemRefType::get({ShapedType::kDynamic}, type.getElementType(),
                                  StridedLayoutAttr::get(builder.getContext(), staticOffset, {1}));
  // No loop reads the extent of the flat view; it only has to be large enough.
  Value extent = arith::ConstantIndexOp::create(builder, loc, int64_t(1) << 46);
  access.flat = memref::ReinterpretCastOp::create(builder, loc, flatType, metadata.getBaseBuffer(),
                                                  offset, ArrayRef<OpFoldResult>{extent},
                                                  ArrayRef<OpFoldResult>{builder.getIndexAttr(1)});
  return access;
}

Value LoopGroup::total(OpBuilder &builder, Location loc) const {
  OpFoldResult product = builder.getIndexAttr(1);
  AffineExpr s0 = builder.getAffineSymbolExpr(0), s1 = builder.getAffineSymbolExpr(1);
  for (OpFoldResult extent : extents) {
    if (getConstantIntValue(product) || getConstantIntValue(extent)) {
      std::optional<int64_t> known = getConstantIntValue(extent);
      product = known ? affine::makeComposedFoldedAffineApply(builder, loc, s0 * *known, {product})
                      : affine::makeComposedFoldedAffineApply(
                            builder, loc, s0 * *getConstantIntValue(product), {extent});
    } else {
      product = affine::makeComposedFoldedAffineApply(builder, loc, s0 * s1, {product, extent});
    }
  }
  return getValueOrCreateConstantIndexOp(builder, loc, product);
}

std::optional<int64_t> LoopGroup::staticTotal() const {
  int64_t product = 1;
  for (OpFoldResult extent : extents) {
    std::optional<int64_t> known = getConstantIntValue(extent);
    if (!known)
      return std::nullopt;
    product *= *known;
  }
  return product;
}

std::optional<int64_t> LoopGroup::uniformStride(const LinearAccess &access) const {
  if (loops.empty())
    return 0;
  std::optional<int64_t> innermost = getConstantIntValue(access.strides[loops.back()]);
  if (!innermost)
    return std::nullopt;
  int64_t expected = *innermost;
  for (size_t i = loops.size(); i-- > 1;) {
    std::optional<int64_t> extent = getConstantIntValue(extents[i]);
    if (!extent)
      return std::nullopt;
    expected *= *extent;
    if (getConstantIntValue(access.strides[loops[i - 1]]) != expected)
      return std::nullopt;
  }
  return innermost;
}

Value LoopGroup::offset(OpBuilder &builder, Location loc, Value index,
                        const LinearAccess &access) const {
  auto value = [&](OpFoldResult x) { return getValueOrCreateConstantIndexOp(builder, loc, x); };
  if (loops.empty())
    return arith::ConstantIndexOp::create(builder, loc, 0);
  if (std::optional<int64_t> stride = uniformStride(access)) {
    if (*stride == 1)
      return index;
    return arith::MulIOp::create(builder, loc, index, value(builder.getIndexAttr(*stride)));
  }
  Value result;
  for (size_t i = loops.size(); i-- > 0;) {
    Value own = index;
    if (i > 0) {
      // Indices and extents are not negative.
      Value extent = value(extents[i]);
      own = arith::RemUIOp::create(builder, loc, index, extent);
      index = arith::DivUIOp::create(builder, loc, index, extent);
    }
    Value part = arith::MulIOp::create(builder, loc, own, value(access.strides[loops[i]]));
    result = result ? arith::AddIOp::create(builder, loc, result, part).getResult() : part;
  }
  return result;
}
