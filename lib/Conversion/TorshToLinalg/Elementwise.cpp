// SPDX-License-Identifier: Apache-2.0
// Elementwise operations: one generic, whose body the operation builds itself.

#include "Generic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

// Pattern: elementwise operation -> linalg.generic; splat operands become scalars
struct LowerElementwise : OpInterfaceConversionPattern<ElementwiseOpInterface> {
  using OpInterfaceConversionPattern::OpInterfaceConversionPattern;
  LogicalResult matchAndRewrite(ElementwiseOpInterface op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = storedType(op->getResult(0));
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> indices;
    for (int64_t extent : type.getShape())
      indices.push_back(loops.add(extent, utils::IteratorType::parallel));

    // The scalars to use in place of splat operands, and the inputs for the rest.
    SmallVector<Attribute> splats;
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    for (auto [original, converted] : llvm::zip_equal(op->getOperands(), operands)) {
      DenseElementsAttr constant;
      if (matchPattern(original, m_Constant(&constant)) && constant.isSplat()) {
        splats.push_back(storedElements(constant).getSplatValue<Attribute>());
        continue;
      }
      splats.push_back({});
      auto operandType = cast<RankedTensorType>(original.getType());
      inputs.push_back(converted);
      maps.push_back(
          loops.map(operandType, ArrayRef<AffineExpr>(indices).take_back(operandType.getRank())));
    }
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Value result = elementwise(
        rewriter, op.getLoc(), *extents, inputs, maps, type.getElementType(),
        [&](OpBuilder &b, Location loc, ValueRange elements) {
          SmallVector<Value> scalars;
          size_t next = 0;
          for (Attribute splat : splats)
            scalars.push_back(
                splat ? arith::ConstantOp::create(b, loc, cast<TypedAttr>(splat)).getResult()
                      : elements[next++]);
          return op.buildScalarBody(b, loc, scalars, type.getElementType());
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void mlir::torsh::populateElementwisePatterns(const TypeConverter &types,
                                              RewritePatternSet &patterns) {
  patterns.add<LowerElementwise>(types, patterns.getContext());
}
