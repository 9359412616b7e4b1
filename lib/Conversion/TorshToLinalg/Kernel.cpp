// SPDX-License-Identifier: Apache-2.0
// The shell of a kernel: its signature, its results, extents of its arguments.

#include "Generic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

MemRefType bufferType(Type tensor) {
  RankedTensorType squeezed = squeeze(cast<RankedTensorType>(tensor));
  return MemRefType::get(squeezed.getShape(), squeezed.getElementType());
}

// Pattern: torsh.kernel @k(tensors) -> tensors -> func.func @k(memrefs, result memrefs)
struct LowerKernel : OpConversionPattern<KernelOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(KernelOp kernel, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    SmallVector<Type> types;
    for (Type type : kernel.getArgumentTypes())
      types.push_back(bufferType(type));
    for (Type type : kernel.getResultTypes())
      types.push_back(bufferType(type));
    auto function = func::FuncOp::create(rewriter, kernel.getLoc(), kernel.getSymName(),
                                         rewriter.getFunctionType(types, {}));
    function->setAttr("torsh.kernel", rewriter.getUnitAttr());
    function->setAttr("torsh.num_inputs",
                      rewriter.getI64IntegerAttr(kernel.getArgumentTypes().size()));
    if (auto kind = kernel.getKindAttr())
      function->setAttr("torsh.kind", kind);
    if (auto schedule = kernel.getScheduleAttr())
      function->setAttr("torsh.schedule", schedule);

    Block *entry = rewriter.createBlock(&function.getBody(), {}, types,
                                        SmallVector<Location>(types.size(), kernel.getLoc()));
    rewriter.setInsertionPointToStart(entry);
    SmallVector<Value> tensors;
    for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes()))
      tensors.push_back(bufferization::ToTensorOp::create(
          rewriter, kernel.getLoc(), squeeze(cast<RankedTensorType>(type)), entry->getArgument(i),
          /*restrict=*/true, /*writable=*/false));
    rewriter.inlineBlockBefore(&kernel.getBody().front(), entry, entry->end(), tensors);
    rewriter.eraseOp(kernel);
    return success();
  }
};

// Pattern: torsh.return -> materialize each result in its memref; func.return
struct LowerReturn : OpConversionPattern<torsh::ReturnOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(torsh::ReturnOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Block *entry = op->getBlock();
    unsigned first = entry->getNumArguments() - adaptor.getOperands().size();
    for (auto [i, value] : llvm::enumerate(adaptor.getOperands())) {
      auto materialize = bufferization::MaterializeInDestinationOp::create(
          rewriter, op.getLoc(), Type(), value, entry->getArgument(first + i));
      materialize.setRestrict(true);
      materialize.setWritable(true);
    }
    rewriter.replaceOpWithNewOp<func::ReturnOp>(op);
    return success();
  }
};

// Pattern: tensor.dim of a tensor with unit axes -> of the squeezed one
struct SqueezeDim : OpConversionPattern<tensor::DimOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(tensor::DimOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    std::optional<int64_t> axis = op.getConstantIndex();
    if (!axis)
      return rewriter.notifyMatchFailure(op, "axis is not constant");
    auto type = cast<RankedTensorType>(op.getSource().getType());
    if (!type.isDynamicDim(*axis)) {
      rewriter.replaceOpWithNewOp<arith::ConstantIndexOp>(op, type.getDimSize(*axis));
      return success();
    }
    int64_t squeezed = 0;
    for (int64_t i = 0; i < *axis; ++i)
      squeezed += type.getDimSize(i) != 1;
    rewriter.replaceOpWithNewOp<tensor::DimOp>(op, adaptor.getSource(), squeezed);
    return success();
  }
};

} // namespace

void mlir::torsh::populateKernelPatterns(const TypeConverter &types, RewritePatternSet &patterns) {
  patterns.add<LowerKernel, LowerReturn, SqueezeDim>(types, patterns.getContext());
}
