// SPDX-License-Identifier: Apache-2.0
// Converts kernels to the LLVM dialect, each with an entry of the kernel ABI.

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Runtime/KernelABI.h"
#include "torshjit/Target/CPU/IR/CPUDialect.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_CONVERTCPUTOLLVMPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

/// What a kernel's own function is called, beside its entry.
static constexpr StringLiteral kBodySuffix = ".body";

static constexpr llvm::StringLiteral kLoopAnnotation = "llvm.loop_annotation";

namespace {

/// The function pointer at `index` of the struct a worker points to.
Value loadWorkerFunction(OpBuilder &builder, Location loc, Value worker, int32_t index) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Value slot =
      LLVM::GEPOp::create(builder, loc, pointer, pointer, worker, ArrayRef<LLVM::GEPArg>{index});
  return LLVM::LoadOp::create(builder, loc, pointer, slot);
}

// Pattern: torsh_cpu.scratch -> call of the worker's second function
struct ScratchLowering : ConvertOpToLLVMPattern<torsh::cpu::ScratchOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(torsh::cpu::ScratchOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type pointer = LLVM::LLVMPointerType::get(getContext());
    auto type = LLVM::LLVMFunctionType::get(pointer, {pointer, rewriter.getI64Type()});
    Value function = loadWorkerFunction(rewriter, loc, adaptor.getWorker(), 1);
    auto call = LLVM::CallOp::create(rewriter, loc, type,
                                     ValueRange{function, adaptor.getWorker(), adaptor.getBytes()});
    auto memrefType = cast<MemRefType>(op.getMemory().getType());
    Value descriptor = MemRefDescriptor::fromStaticShape(rewriter, loc, *getTypeConverter(),
                                                         memrefType, call.getResult());
    rewriter.replaceOp(op, descriptor);
    return success();
  }
};

// Pattern: torsh_cpu.parallel_for -> a struct of the captures on the stack, a
// function that unpacks it for the task, and a call of the worker's first function
struct ParallelForLowering : ConvertOpToLLVMPattern<torsh::cpu::ParallelForOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(torsh::cpu::ParallelForOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type pointer = LLVM::LLVMPointerType::get(getContext());
    Type i64 = rewriter.getI64Type();
    SmallVector<Value> captures;
    for (auto [original, converted] : llvm::zip_equal(op.getCaptures(), adaptor.getCaptures()))
      captures.push_back(isa<MemRefType>(original.getType())
                             ? MemRefDescriptor(converted).alignedPtr(rewriter, loc)
                             : converted);
    SmallVector<Type> types(ValueRange(captures).getTypes());
    auto contextType = LLVM::LLVMStructType::getLiteral(getContext(), types);

    std::string unpackName = (op.getTask() + ".unpack").str();
    createUnpack(rewriter, op, unpackName, contextType);

    Value one = LLVM::ConstantOp::create(rewriter, loc, i64, rewriter.getI64IntegerAttr(1));
    Value context = LLVM::AllocaOp::create(rewriter, loc, pointer, contextType, one);
    for (auto [i, capture] : llvm::enumerate(captures)) {
      Value field = LLVM::GEPOp::create(rewriter, loc, pointer, contextType, context,
                                        ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
      LLVM::StoreOp::create(rewriter, loc, capture, field);
    }
    Value unpack = LLVM::AddressOfOp::create(rewriter, loc, pointer, unpackName);
    Value grain = LLVM::ConstantOp::create(rewriter, loc, i64, op.getGrainAttr());
    Value function = loadWorkerFunction(rewriter, loc, adaptor.getWorker(), 0);
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(getContext()),
                                            {pointer, pointer, pointer, i64, i64});
    LLVM::CallOp::create(
        rewriter, loc, type,
        ValueRange{function, adaptor.getWorker(), unpack, context, adaptor.getCount(), grain});
    rewriter.eraseOp(op);
    return success();
  }

  void createUnpack(ConversionPatternRewriter &rewriter, torsh::cpu::ParallelForOp op,
                    StringRef name, LLVM::LLVMStructType contextType) const {
    OpBuilder::InsertionGuard guard(rewriter);
    Location loc = op.getLoc();
    Type pointer = LLVM::LLVMPointerType::get(getContext());
    Type i64 = rewriter.getI64Type(), nothing = LLVM::LLVMVoidType::get(getContext());
    rewriter.setInsertionPointToEnd(op->getParentOfType<ModuleOp>().getBody());
    auto function = LLVM::LLVMFuncOp::create(
        rewriter, loc, name, LLVM::LLVMFunctionType::get(nothing, {pointer, i64, i64, pointer}));
    function.setLinkage(LLVM::Linkage::Internal);
    Block *entry = function.addEntryBlock(rewriter);
    rewriter.setInsertionPointToStart(entry);
    SmallVector<Value> arguments;
    for (auto [i, type] : llvm::enumerate(contextType.getBody())) {
      Value field = LLVM::GEPOp::create(rewriter, loc, pointer, contextType, entry->getArgument(0),
                                        ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
      arguments.push_back(LLVM::LoadOp::create(rewriter, loc, type, field));
    }
    llvm::append_range(arguments, entry->getArguments().drop_front());
    LLVM::CallOp::create(rewriter, loc, TypeRange{}, op.getTask(), arguments);
    LLVM::ReturnOp::create(rewriter, loc, ValueRange{});
  }
};

// Pattern: math.expm1 -> call of the C library; upstream's exp(x) - 1 cancels near 0
struct ExpM1Lowering : ConvertOpToLLVMPattern<math::ExpM1Op> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(math::ExpM1Op op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Type type = adaptor.getOperand().getType();
    if (!type.isF32() && !type.isF64())
      return rewriter.notifyMatchFailure(op, "not a scalar that the C library takes");
    FailureOr<LLVM::LLVMFuncOp> function = LLVM::lookupOrCreateFn(
        rewriter, op->getParentOfType<ModuleOp>(), type.isF32() ? "expm1f" : "expm1", type, type);
    if (failed(function))
      return failure();
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(op, *function, adaptor.getOperand());
    return success();
  }
};

/// Gives a converted kernel the entry `void (ptr *pointers, i64 *sizes, worker)`
/// under the name that the runtime looks for.
void createEntry(OpBuilder &builder, LLVM::LLVMFuncOp kernel, int64_t numPointers) {
  MLIRContext *context = builder.getContext();
  Location loc = kernel.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = builder.getI64Type();
  StringRef name = kernel.getSymName();
  name.consume_back(kBodySuffix);
  kernel.setLinkage(LLVM::Linkage::Internal);
  builder.setInsertionPointAfter(kernel);
  auto entry = LLVM::LLVMFuncOp::create(
      builder, loc, (TORSH_KERNEL_PREFIX + name).str(),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, pointer, pointer}));
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  int64_t count = kernel.getNumArguments() - 1;
  for (int32_t i = 0; i < count; ++i) {
    bool isPointer = i < numPointers;
    Type type = isPointer ? pointer : i64;
    int32_t index = isPointer ? i : i - static_cast<int32_t>(numPointers);
    Value slot =
        LLVM::GEPOp::create(builder, loc, pointer, type, block->getArgument(isPointer ? 0 : 1),
                            ArrayRef<LLVM::GEPArg>{index});
    arguments.push_back(LLVM::LoadOp::create(builder, loc, type, slot));
  }
  arguments.push_back(block->getArgument(2));
  LLVM::CallOp::create(builder, loc, TypeRange{}, kernel.getSymName(), arguments);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
}

/// Stores bf16 and f16 as integers. Where a processor has no masks for them, LLVM stores one by one
/// and widens and narrows each on the way, by functions that it does not have.
void storeBits(LLVM::MaskedStoreOp store) {
  auto type = cast<VectorType>(store.getValue().getType());
  if (!isa<FloatType>(type.getElementType()) || type.getElementTypeBitWidth() != 16)
    return;
  OpBuilder builder(store);
  auto bits = VectorType::get(type.getShape(), builder.getI16Type());
  store.getValueMutable().assign(
      LLVM::BitcastOp::create(builder, store.getLoc(), bits, store.getValue()));
}

class ConvertCPUToLLVMPass : public torsh::impl::ConvertCPUToLLVMPassBase<ConvertCPUToLLVMPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    // What is left of the host function is not code of this target.
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      // A kernel may be called what a function of the C library is.
      if (torsh::isKernel(function))
        function.setSymName((function.getSymName() + kBodySuffix).str());
      else if (!function->hasAttr("torsh.task"))
        function.erase();
    }

    LowerToLLVMOptions options(&getContext());
    options.useBarePtrCallConv = true;
    LLVMTypeConverter types(&getContext(), options);
    RewritePatternSet patterns(&getContext());
    SymbolTableCollection symbols;
    arith::populateArithExpandOpsPatterns(patterns);
    arith::populateArithToLLVMConversionPatterns(types, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(types, patterns, &symbols);
    populateFuncToLLVMConversionPatterns(types, patterns, &symbols);
    cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
    index::populateIndexToLLVMConversionPatterns(types, patterns);
    // An intrinsic before a call; not for log1p, whose intrinsic form cancels.
    populateMathToLLVMConversionPatterns(types, patterns, /*approximateLog1p=*/false,
                                         /*benefit=*/2);
    populateMathToLibmConversionPatterns(patterns);
    populateVectorToLLVMConversionPatterns(types, patterns);
    ub::populateUBToLLVMConversionPatterns(types, patterns);
    patterns.add<ScratchLowering, ParallelForLowering>(types);
    patterns.add<ExpM1Lowering>(types, /*benefit=*/3);
    LLVMConversionTarget target(getContext());
    target.addLegalOp<ModuleOp>();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      return signalPassFailure();

    OpBuilder builder(&getContext());
    for (auto function : llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>())) {
      if (function->hasAttr("torsh.kernel"))
        createEntry(builder, function,
                    function->getAttrOfType<IntegerAttr>("torsh.num_pointers").getInt());
      else if (function->hasAttr("torsh.task"))
        function.setLinkage(LLVM::Linkage::Internal);
    }
    module.walk([](LLVM::MaskedStoreOp store) { storeBits(store); });
    // What was said of loops came along the conversions as an attribute of the branches back.
    module.walk([](LLVM::BrOp branch) {
      if (auto loop = branch->getAttrOfType<LLVM::LoopAnnotationAttr>(kLoopAnnotation)) {
        branch->removeDiscardableAttr(kLoopAnnotation);
        branch.setLoopAnnotationAttr(loop);
      }
    });
    // Nothing of ours is left, so that MLIR's own tools read the result.
    module.walk([](Operation *op) {
      for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs()))
        if (attribute.getName().strref().starts_with("torsh."))
          op->removeDiscardableAttr(attribute.getName());
    });
  }
};

} // namespace
