// SPDX-License-Identifier: Apache-2.0
// Converts each gpu.module to a spirv.module.

#include "mlir/Conversion/ArithToSPIRV/ArithToSPIRV.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRV.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRV.h"
#include "mlir/Conversion/MemRefToSPIRV/MemRefToSPIRV.h"
#include "mlir/Conversion/SCFToSPIRV/SCFToSPIRV.h"
#include "mlir/Conversion/UBToSPIRV/UBToSPIRV.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/SPIRVConversion.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_CONVERTDEVICETOSPIRVPASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

/// What a barrier orders.
static constexpr spirv::MemorySemantics kAllMemory = spirv::MemorySemantics::AcquireRelease |
                                                     spirv::MemorySemantics::WorkgroupMemory |
                                                     spirv::MemorySemantics::UniformMemory;

namespace {

/// Everything that a kernel may need. What a module does need is worked out from
/// its operations at the end. Without the capability for it, MLIR would quietly make
/// f16 buffers f32 ones, and emulate i8 by atomics.
spirv::TargetEnvAttr getEnvironment(MLIRContext *context) {
  using spirv::Capability;
  using spirv::Extension;
  auto triple = spirv::VerCapExtAttr::get(
      spirv::Version::V_1_3,
      {Capability::Shader, Capability::Float16, Capability::Float64, Capability::Int8,
       Capability::Int16, Capability::Int64, Capability::StorageBuffer8BitAccess,
       Capability::StorageBuffer16BitAccess},
      {Extension::SPV_KHR_storage_buffer_storage_class, Extension::SPV_KHR_8bit_storage,
       Extension::SPV_KHR_16bit_storage},
      context);
  return spirv::TargetEnvAttr::get(triple, spirv::getDefaultResourceLimits(context),
                                   spirv::ClientAPI::Vulkan);
}

// Pattern: gpu.barrier -> spirv.ControlBarrier that orders workgroup memory and buffers;
// upstream's orders workgroup memory alone
struct BarrierConversion : OpConversionPattern<gpu::BarrierOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(gpu::BarrierOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<spirv::ControlBarrierOp>(op, spirv::Scope::Workgroup,
                                                         spirv::Scope::Workgroup, kAllMemory);
    return success();
  }
};

// Pattern: arith.cmpf uno, x, x -> spirv.IsNan; upstream asks twice
struct IsNaNConversion : OpConversionPattern<arith::CmpFOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(arith::CmpFOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getPredicate() != arith::CmpFPredicate::UNO || op.getLhs() != op.getRhs())
      return rewriter.notifyMatchFailure(op, "not a test for NaN");
    rewriter.replaceOpWithNewOp<spirv::IsNanOp>(op, adaptor.getLhs());
    return success();
  }
};

// Pattern: math.ctpop -> spirv.BitCount
struct CountBitsConversion : OpConversionPattern<math::CtPopOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(math::CtPopOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!op.getType().isInteger(32))
      return rewriter.notifyMatchFailure(op, "Vulkan counts bits of 32-bit integers alone");
    rewriter.replaceOpWithNewOp<spirv::BitCountOp>(op, adaptor.getOperand());
    return success();
  }
};

class ConvertDeviceToSPIRVPass
    : public torsh::impl::ConvertDeviceToSPIRVPassBase<ConvertDeviceToSPIRVPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    spirv::TargetEnvAttr environment = getEnvironment(context);
    SPIRVTypeConverter types(environment);
    auto modules = llvm::to_vector(getOperation().getOps<gpu::GPUModuleOp>());
    for (gpu::GPUModuleOp module : modules) {
      module->setAttr(spirv::getTargetEnvAttrName(), environment);
      RewritePatternSet patterns(context);
      ScfToSPIRVContext scf;
      arith::populateArithToSPIRVPatterns(types, patterns);
      populateGPUToSPIRVPatterns(types, patterns);
      populateMathToSPIRVPatterns(types, patterns);
      populateMemRefToSPIRVPatterns(types, patterns);
      populateSCFToSPIRVPatterns(types, scf, patterns);
      ub::populateUBToSPIRVConversionPatterns(types, patterns);
      patterns.add<BarrierConversion, CountBitsConversion, IsNaNConversion>(types, context,
                                                                            /*benefit=*/2);
      std::unique_ptr<ConversionTarget> target = SPIRVConversionTarget::get(environment);
      if (failed(applyFullConversion(module, *target, std::move(patterns))))
        return signalPassFailure();
    }
    // Nothing of ours is left, so that MLIR's own tools read the result.
    getOperation()->removeAttr(gpu::GPUDialect::getContainerModuleAttrName());
    getOperation().walk([](spirv::FuncOp function) {
      for (NamedAttribute attribute : llvm::to_vector(function->getDiscardableAttrs()))
        if (attribute.getName().strref().starts_with("torsh.") ||
            attribute.getName() == "known_block_size" ||
            attribute.getName() == gpu::GPUFuncOp::getNumWorkgroupAttributionsAttrName())
          function->removeDiscardableAttr(attribute.getName());
    });
  }
};

} // namespace
