// SPDX-License-Identifier: Apache-2.0
// A target from outside the tree: kernels become LLVM IR as text, in passes of MLIR's
// own. It includes one header of torshjit and links no library of it.

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "torshjit/Target/Target.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
namespace json = llvm::json;

namespace {

bool isKernel(func::FuncOp function) { return function->hasAttr("torsh.kernel"); }

/// Leaves kernels only, each callable from C with pointers to memref descriptors, and
/// under a name that no function of the C library has.
struct KeepKernelsPass : PassWrapper<KeepKernelsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(KeepKernelsPass)

  void runOnOperation() override {
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (!isKernel(function)) {
        function.erase();
        continue;
      }
      function->setAttr("llvm.emit_c_interface", UnitAttr::get(&getContext()));
      function.setSymName(("example_kernel_" + function.getSymName()).str());
    }
  }
};

llvm::Expected<std::string> translate(ModuleOp module) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, context);
  if (!translated)
    return llvm::createStringError("the module has no translation to LLVM IR");
  std::string text;
  llvm::raw_string_ostream(text) << *translated;
  return text;
}

/// The extents of each kernel's operands, -1 for `?`: what a caller needs.
json::Object describe(ModuleOp module) {
  json::Object kernels;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!isKernel(function))
      continue;
    json::Array operands;
    for (Type type : function.getArgumentTypes()) {
      json::Array shape;
      for (int64_t extent : cast<MemRefType>(type).getShape())
        shape.push_back(ShapedType::isDynamic(extent) ? -1 : extent);
      operands.push_back(std::move(shape));
    }
    kernels[function.getSymName()] = std::move(operands);
  }
  return kernels;
}

class ExampleCode : public torsh::KernelCode {
public:
  explicit ExampleCode(json::Object bundle) : bundle(std::move(bundle)) {}
  llvm::Expected<std::string> serialize() const override {
    std::string text;
    llvm::raw_string_ostream(text) << json::Value(json::Object(bundle));
    return text;
  }

private:
  json::Object bundle;
};

class ExampleTarget : public torsh::Target {
public:
  StringRef getName() const override { return "example"; }
  StringRef getSentence() const override { return "LLVM IR for a device written in Python"; }

  llvm::Error checkArchitecture(StringRef architecture) const override {
    if (architecture == "v1" || architecture == "v2")
      return llvm::Error::success();
    return llvm::createStringError("example has no architecture '" + architecture +
                                   "'; it has v1 and v2");
  }

  ArrayRef<torsh::Phase> getPhases() const override {
    static constexpr torsh::Phase phases[] = {
        {"example-llvm", "every kernel is LLVM dialect and takes memref descriptors"}};
    return phases;
  }

  void buildPhase(size_t, OpPassManager &pm, const torsh::CompileOptions &) const override {
    pm.addPass(std::make_unique<KeepKernelsPass>());
    pm.addPass(bufferization::createEmptyTensorEliminationPass());
    pm.addPass(bufferization::createOneShotBufferizePass());
    bufferization::buildBufferDeallocationPipeline(pm);
    pm.addPass(createConvertBufferizationToMemRefPass());
    pm.addPass(createConvertLinalgToLoopsPass());
    pm.addPass(memref::createExpandStridedMetadataPass());
    pm.addPass(createLowerAffinePass());
    pm.addPass(createSCFToControlFlowPass());
    pm.addPass(createConvertMathToLLVMPass());
    pm.addPass(createConvertMathToLibmPass());
    pm.addPass(createFinalizeMemRefToLLVMConversionPass());
    pm.addPass(createArithToLLVMConversionPass());
    pm.addPass(createConvertIndexToLLVMPass());
    pm.addPass(createConvertControlFlowToLLVMPass());
    pm.addPass(createConvertFuncToLLVMPass());
    pm.addPass(createReconcileUnrealizedCastsPass());
  }

  ArrayRef<torsh::Artifact> getArtifacts() const override {
    static constexpr torsh::Artifact artifacts[] = {{"example-text", "LLVM IR as text"}};
    return artifacts;
  }

  llvm::Expected<std::string> printArtifact(ModuleOp module, StringRef,
                                            const torsh::CompileOptions &) const override {
    return translate(module);
  }

  std::string describeKernels(ModuleOp module, const torsh::CompileOptions &) const override {
    std::string text;
    llvm::raw_string_ostream(text) << json::Value(describe(module));
    return text;
  }

  llvm::Expected<std::unique_ptr<torsh::KernelCode>>
  generate(ModuleOp module, StringRef description,
           const torsh::CompileOptions &options) const override {
    llvm::Expected<std::string> text = translate(module);
    if (!text)
      return text.takeError();
    llvm::Expected<json::Value> kernels = json::parse(description);
    if (!kernels)
      return kernels.takeError();
    std::string architecture = options.architecture.empty() ? "v1" : options.architecture;
    return std::make_unique<ExampleCode>(json::Object{
        {"architecture", architecture}, {"kernels", std::move(*kernels)}, {"llvmir", *text}});
  }

  void registerDialects(DialectRegistry &registry) const override {
    registerAllToLLVMIRTranslations(registry);
  }
};

} // namespace

extern "C" void torshRegisterTargets(torsh::TargetRegistry &registry) {
  registry.add(std::make_unique<ExampleTarget>());
}
