// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels on this machine's processor: code for the emulator of lib/Runtime.

#include "torshjit/Target/CUDA/Emulation/EmulatedCUDATarget.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "torshjit/Runtime/Emulator/EmulatorABI.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "torshjit/Target/CUDA/Emulation/Passes.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::torsh;

namespace json = llvm::json;

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {

/// Most of the time goes into making code and into the emulator: none goes into making
/// the code fast.
class HostCodeGenerator : public CodeGenerator {
public:
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const override {
    const cpu::Processor &host = cpu::Processor::host();
    auto machine = createTargetMachine(host.triple, host.name, host.features);
    if (machine)
      (*machine)->setOptLevel(llvm::CodeGenOptLevel::None);
    return machine;
  }
  llvm::Error prepare(llvm::Module &module) const override {
    for (llvm::Function &function : module)
      if (!function.isDeclaration())
        function.setDoesNotThrow();
    return llvm::Error::success();
  }
  llvm::OptimizationLevel getLevel() const override { return llvm::OptimizationLevel::O0; }
};

/// The bundle of docs/Runtime.md with one module: a shared library of all kernels.
class EmulatedCode : public KernelCode {
public:
  EmulatedCode(json::Object bundle, std::vector<std::string> objects)
      : bundle(std::move(bundle)), objects(std::move(objects)) {}

  llvm::Expected<std::string> serialize() const override {
    json::Object all(bundle);
    json::Array modules;
    if (!objects.empty()) {
      auto library = cpu::linkSharedLibrary(objects);
      if (!library)
        return library.takeError();
      modules.push_back(json::Object{{"emulator_abi", std::to_string(TORSH_EMULATOR_ABI_VERSION)},
                                     {"library", llvm::encodeBase64(*library)}});
    }
    all["modules"] = std::move(modules);
    std::string text;
    llvm::raw_string_ostream(text) << json::Value(std::move(all));
    return text;
  }

private:
  json::Object bundle;
  std::vector<std::string> objects;
};

} // namespace

/// Corrects what differs from the GPU's: all kernels lie in one module, and shared
/// memory is laid out here.
static llvm::Error adaptVariants(json::Object &bundle, ModuleOp module) {
  llvm::StringMap<int64_t> sharedBytes;
  module.walk([&](LLVM::LLVMFuncOp kernel) {
    if (auto bytes = kernel->getAttrOfType<IntegerAttr>("torsh.shared_bytes"))
      sharedBytes[kernel.getSymName()] = bytes.getInt();
  });
  json::Object *kernels = bundle.getObject("kernels");
  if (!kernels)
    return fail("the description of the kernels has none");
  for (auto &[name, kernel] : *kernels) {
    json::Array *variants =
        kernel.getAsObject() ? kernel.getAsObject()->getArray("variants") : nullptr;
    if (!variants)
      return fail("the description of kernel '" + StringRef(name) + "' has no variants");
    for (json::Value &value : *variants) {
      json::Object &variant = *value.getAsObject();
      std::optional<StringRef> entry = variant.getString("entry");
      if (!entry || !sharedBytes.contains(*entry))
        return fail("there is no function for a variant of kernel '" + StringRef(name) + "'");
      variant["module"] = 0;
      // Memory that the launch decides about comes after that of the variables.
      int64_t declared = variant.getInteger("shared_bytes").value_or(0);
      variant["shared_bytes"] = std::max(sharedBytes[*entry], declared);
    }
  }
  return llvm::Error::success();
}

StringRef cuda::EmulatedCUDATarget::getSentence() const {
  return "the kernels of cuda on this machine's processor, with checks for races";
}

llvm::Expected<std::unique_ptr<KernelCode>>
cuda::EmulatedCUDATarget::generate(ModuleOp module, StringRef description,
                                   const CompileOptions &options) const {
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  pm.nest<mlir::gpu::GPUModuleOp>().addPass(createEmulateNVVMPass());
  pm.enableVerifier(false);
  if (failed(pm.run(module)))
    return fail("the kernels cannot be emulated");
  SmallVector<Operation *> modules;
  for (auto kernels : module.getOps<mlir::gpu::GPUModuleOp>())
    modules.push_back(kernels);
  auto objects =
      generateCode(modules, HostCodeGenerator(), options.threads, torsh::CodeKind::Object);
  if (!objects)
    return objects.takeError();
  auto bundle = json::parse(description);
  if (!bundle)
    return bundle.takeError();
  if (!bundle->getAsObject())
    return fail("the description of the kernels is no object");
  if (llvm::Error error = adaptVariants(*bundle->getAsObject(), module))
    return std::move(error);
  (*bundle->getAsObject())["target"] = getName();
  return std::make_unique<EmulatedCode>(std::move(*bundle->getAsObject()), std::move(*objects));
}

std::unique_ptr<Target> cuda::createEmulatedTarget() {
  return std::make_unique<EmulatedCUDATarget>();
}
