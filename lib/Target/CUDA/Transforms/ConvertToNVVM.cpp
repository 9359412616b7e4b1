// SPDX-License-Identifier: Apache-2.0
// Converts kernels to the NVVM dialect.

#include "mlir/Conversion/ArithCommon/AttrToLLVMConverter.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/LLVMCommon/VectorPattern.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/NVGPUToNVVM/NVGPUToNVVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "torshjit/Target/CUDA/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_CONVERTTONVVMPASS
#include "torshjit/Target/CUDA/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

// Pattern: math.floor (and the like) -> LLVM's intrinsic, which the code generator
//          turns into instructions
template <typename SourceOp, typename TargetOp>
using ToIntrinsic =
    VectorConvertToLLVMPattern<SourceOp, TargetOp, arith::AttrConvertFastMathToLLVM>;

// Pattern: math.exp2 -> llvm.intr.exp2 [if f32]
struct Exp2ToIntrinsic : ToIntrinsic<math::Exp2Op, LLVM::Exp2Op> {
  using Base = ToIntrinsic<math::Exp2Op, LLVM::Exp2Op>;
  using Base::Base;
  LogicalResult matchAndRewrite(math::Exp2Op op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "only f32 has an instruction");
    return Base::matchAndRewrite(op, adaptor, rewriter);
  }
};

// Pattern: math.tanh -> llvm.intr.tanh [if f32 and approximations are allowed]
struct TanhToIntrinsic : ToIntrinsic<math::TanhOp, LLVM::TanhOp> {
  using Base = ToIntrinsic<math::TanhOp, LLVM::TanhOp>;
  using Base::Base;
  LogicalResult matchAndRewrite(math::TanhOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32() ||
        !bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::afn))
      return rewriter.notifyMatchFailure(op, "the instruction is an approximation of f32");
    return Base::matchAndRewrite(op, adaptor, rewriter);
  }
};

/// The blocks that a multiprocessor should hold at a time at least. Left to itself,
/// ptxas spills registers to fit one more block.
std::optional<int32_t> getFewestBlocks(LLVM::LLVMFuncOp kernel) {
  auto kernelClass = kernel->getAttrOfType<StringAttr>("torsh.class");
  auto threads = kernel->getAttrOfType<DenseI32ArrayAttr>(NVVM::NVVMDialect::getReqntidAttrName());
  if (!kernelClass || !threads)
    return std::nullopt;
  // A product's accumulators take what registers there are.
  if (llvm::is_contained({"contraction", "convolution"}, kernelClass))
    return 1;
  // A row in registers: 1024 threads with 64 each.
  if (kernelClass == "row_reduction")
    return std::max(1, 1024 / threads[0]);
  return std::nullopt;
}

class ConvertToNVVMPass : public torsh::impl::ConvertToNVVMPassBase<ConvertToNVVMPass> {
  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    LowerToLLVMOptions options(&getContext());
    options.useBarePtrCallConv = true;
    options.overrideIndexBitwidth(64);
    LLVMTypeConverter types(&getContext(), options);
    configureGpuToNVVMTypeConverter(types);

    RewritePatternSet patterns(&getContext());
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    arith::populateArithToLLVMConversionPatterns(types, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
    index::populateIndexToLLVMConversionPatterns(types, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
    populateVectorToLLVMConversionPatterns(types, patterns);
    populateNVGPUToNVVMConversionPatterns(types, patterns);
    ub::populateUBToLLVMConversionPatterns(types, patterns);
    // Before those of arith: the remainder of floats is a call.
    populateGpuToNVVMConversionPatterns(types, patterns, /*benefit=*/2);
    // An instruction before a call.
    patterns.add<ToIntrinsic<math::AbsFOp, LLVM::FAbsOp>, ToIntrinsic<math::CeilOp, LLVM::FCeilOp>,
                 ToIntrinsic<math::CopySignOp, LLVM::CopySignOp>,
                 ToIntrinsic<math::FloorOp, LLVM::FFloorOp>, ToIntrinsic<math::FmaOp, LLVM::FMAOp>,
                 ToIntrinsic<math::RoundEvenOp, LLVM::RoundEvenOp>,
                 ToIntrinsic<math::SqrtOp, LLVM::SqrtOp>,
                 ToIntrinsic<math::TruncOp, LLVM::FTruncOp>, Exp2ToIntrinsic, TanhToIntrinsic>(
        types, /*benefit=*/3);
    LLVMConversionTarget target(getContext());
    target.addLegalDialect<NVVM::NVVMDialect>();
    target.addLegalOp<gpu::GPUModuleOp>();
    // The code generator's expansion of it is not exact.
    target.addIllegalOp<LLVM::FRemOp>();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      return signalPassFailure();

    StringRef atMost = NVVM::NVVMDialect::getMaxntidAttrName();
    for (auto kernel : module.getOps<LLVM::LLVMFuncOp>())
      if (Attribute threads = kernel->removeAttr(atMost)) {
        // The schedule counts on this many, and ptxas may as well.
        kernel->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), threads);
        kernel->removeAttr(gpu::GPUDialect::KnownBlockSizeAttrHelper::getNameStr());
        if (std::optional<int32_t> blocks = getFewestBlocks(kernel))
          kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                          IntegerAttr::get(IntegerType::get(&getContext(), 32), *blocks));
      }
    // For accesses of 128 bits.
    for (auto buffer : module.getOps<LLVM::GlobalOp>())
      if (buffer.getAddrSpace() == static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared))
        buffer.setAlignment(16);
  }
};

} // namespace
