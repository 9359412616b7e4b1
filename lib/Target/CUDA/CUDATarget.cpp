// SPDX-License-Identifier: Apache-2.0
// NVIDIA GPUs as a target: its phases, its texts, its code. This file calls passes;
// an order that is not obvious has its reason beside it.

#include "torshjit/Target/CUDA/CUDATarget.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "torshjit/GPU/KernelBundle.h"
#include "torshjit/GPU/Passes.h"
#include "torshjit/Target/CUDA/CodeGen/CodeGen.h"
#include "torshjit/Target/CUDA/MmaSyncAtom.h"
#include "torshjit/Target/CUDA/Transforms/Passes.h"
#include "torshjit/Target/Passes.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::torsh;

namespace json = llvm::json;

static constexpr Phase kPhases[] = {
    torsh::gpu::kDevicePhase,
    {"nvvm", "every kernel is NVVM dialect: instructions of the GPU, bare pointers"},
};

static constexpr Artifact kArtifacts[] = {
    {"ptx", "PTX, which NVIDIA's driver takes: the modules of the kernels one after another"}};

static torsh::gpu::DeviceTraits getTraits() {
  torsh::gpu::DeviceTraits traits;
  // What every GPU has without being asked for more.
  traits.workgroupBytes = 48 << 10;
  traits.subgroupSize = 32;
  traits.vectorBytes = 16;
  static const cuda::MmaSyncAtom tensorCores;
  static const torsh::gpu::ContractionAtom *const atoms[] = {&tensorCores, nullptr};
  traits.atoms = atoms;
  traits.maxThreads = 1024;
  // LLVM finds what loops over a row compute alike, and a thread has 255 registers.
  traits.unroll = 32;
  return traits;
}

static void buildNVVM(OpPassManager &pm, const CompileOptions &options) {
  ExpandCUDAMathPassOptions math;
  math.fast = options.fast;
  OpPassManager &module = pm.nest<mlir::gpu::GPUModuleOp>();
  OpPassManager &kernel = module.nest<mlir::gpu::GPUFuncOp>();
  kernel.addPass(createVectorizeAccessesPass());
  // Finds vectors that are taken apart and put together again.
  kernel.addPass(createCanonicalizerPass());
  kernel.addPass(createCopyAsynchronouslyPass());
  kernel.addPass(createLowerCUDASignaturesPass());
  kernel.addPass(createExpandCUDAMathPass(math));
  kernel.addPass(createLowerAffinePass());
  kernel.addPass(createSCFToControlFlowPass());
  module.addPass(memref::createExpandStridedMetadataPass());
  module.addPass(createConvertToNVVMPass());
  module.addPass(createCanonicalizerPass());
  module.addPass(createCSEPass());
  VerifyDialectsPassOptions contract;
  contract.phase = "nvvm";
  contract.dialects.assign({"gpu", "llvm", "nvvm"});
  pm.addPass(createVerifyDialectsPass(contract));
}

namespace {

/// The bundle of docs/Runtime.md with the text of each module.
class PTXCode : public KernelCode {
public:
  PTXCode(json::Object bundle) : bundle(std::move(bundle)) {}
  llvm::Expected<std::string> serialize() const override {
    std::string text;
    llvm::raw_string_ostream(text) << json::Value(json::Object(bundle));
    return text;
  }

private:
  json::Object bundle;
};

} // namespace

static llvm::Expected<std::vector<std::string>> compileToPTX(ModuleOp module,
                                                             const CompileOptions &options) {
  auto architecture = cuda::Architecture::parse(options.architecture);
  if (!architecture)
    return architecture.takeError();
  std::string libdevice =
      options.deviceLibrary.empty() ? cuda::findLibdevice() : options.deviceLibrary;
  return cuda::generatePTX(module, *architecture, libdevice, options.threads);
}

StringRef cuda::CUDATarget::getSentence() const { return "NVIDIA GPUs, through PTX"; }

llvm::Error cuda::CUDATarget::checkArchitecture(StringRef architecture) const {
  return Architecture::parse(architecture).takeError();
}

ArrayRef<Phase> cuda::CUDATarget::getPhases() const { return kPhases; }

void cuda::CUDATarget::buildPhase(size_t number, OpPassManager &pm,
                                  const CompileOptions &options) const {
  number == 0 ? torsh::gpu::buildDevicePhase(pm, getTraits()) : buildNVVM(pm, options);
}

ArrayRef<Artifact> cuda::CUDATarget::getArtifacts() const { return kArtifacts; }

llvm::Expected<std::string> cuda::CUDATarget::printArtifact(ModuleOp module, StringRef name,
                                                            const CompileOptions &options) const {
  auto texts = compileToPTX(module, options);
  if (!texts)
    return texts.takeError();
  std::string all;
  for (const std::string &text : *texts)
    all += text;
  return all;
}

std::string cuda::CUDATarget::describeKernels(ModuleOp module,
                                              const CompileOptions &options) const {
  auto architecture = Architecture::parse(options.architecture);
  if (!architecture) { // generate() will say so.
    llvm::consumeError(architecture.takeError());
    return "";
  }
  json::Object bundle = torsh::gpu::describeKernels(module);
  bundle["target"] = getName();
  bundle["architecture"] = architecture->name;
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(bundle));
  return text;
}

llvm::Expected<std::unique_ptr<KernelCode>>
cuda::CUDATarget::generate(ModuleOp module, StringRef description,
                           const CompileOptions &options) const {
  auto texts = compileToPTX(module, options);
  if (!texts)
    return texts.takeError();
  auto bundle = json::parse(description);
  if (!bundle)
    return bundle.takeError();
  json::Array modules;
  for (std::string &text : *texts)
    modules.push_back(json::Object{{"ptx", std::move(text)}});
  (*bundle->getAsObject())["modules"] = std::move(modules);
  return std::make_unique<PTXCode>(std::move(*bundle->getAsObject()));
}

void cuda::CUDATarget::registerDialects(DialectRegistry &registry) const {
  registry.insert<cf::ControlFlowDialect, mlir::gpu::GPUDialect, LLVM::LLVMDialect,
                  NVVM::NVVMDialect, nvgpu::NVGPUDialect>();
  registerGPUDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

std::unique_ptr<Target> cuda::createTarget() { return std::make_unique<CUDATarget>(); }
