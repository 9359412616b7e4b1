// SPDX-License-Identifier: Apache-2.0
// Turns each kernel into a function of linalg operations.

#include "torshjit/Conversion/TorshToLinalg/TorshToLinalg.h"
#include "Attention.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_CONVERTTORSHTOLINALGPASS
#include "torshjit/Conversion/TorshToLinalg/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

SmallVector<int64_t> mlir::torsh::keptAxes(ShapedType type) {
  SmallVector<int64_t> axes;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.getDimSize(axis) != 1)
      axes.push_back(axis);
  return axes;
}

RankedTensorType mlir::torsh::squeeze(RankedTensorType type) {
  SmallVector<int64_t> shape;
  for (int64_t axis : keptAxes(type))
    shape.push_back(type.getDimSize(axis));
  return RankedTensorType::get(shape, getStorageType(type.getElementType()));
}

SqueezedTypeConverter::SqueezedTypeConverter() {
  addConversion([](Type type) { return type; });
  addConversion([](RankedTensorType type) { return squeeze(type); });
}

namespace {

class ConvertTorshToLinalgPass
    : public torsh::impl::ConvertTorshToLinalgPassBase<ConvertTorshToLinalgPass> {
  void runOnOperation() override {
    SqueezedTypeConverter types;
    RewritePatternSet patterns(&getContext());
    populateKernelPatterns(types, patterns);
    populateElementwisePatterns(types, patterns);
    populateContractionPatterns(types, patterns);
    populateAttentionPatterns(types, patterns);
    populateReductionPatterns(types, patterns);
    populateWindowPatterns(types, patterns);
    populateMovementPatterns(types, patterns);
    populateIndexingPatterns(types, patterns);
    populateOrderingPatterns(types, patterns);

    ConversionTarget target(getContext());
    target.addLegalDialect<affine::AffineDialect, arith::ArithDialect,
                           bufferization::BufferizationDialect, func::FuncDialect,
                           linalg::LinalgDialect, math::MathDialect, memref::MemRefDialect,
                           scf::SCFDialect, tensor::TensorDialect>();
    target.addIllegalDialect<TorshDialect>();
    target.addLegalOp<StreamedAttentionOp>();
    target.addDynamicallyLegalOp<tensor::DimOp>(
        [&](tensor::DimOp op) { return types.isLegal(op.getSource().getType()); });
    // The host function's operations are not this pass's business.
    SmallVector<Operation *> kernels;
    for (auto kernel : getOperation().getOps<KernelOp>())
      kernels.push_back(kernel);
    if (failed(applyPartialConversion(kernels, target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
