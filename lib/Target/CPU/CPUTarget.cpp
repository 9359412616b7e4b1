// SPDX-License-Identifier: Apache-2.0
// Processors as a target, that of this machine above all: its phases, its texts, its code. This
// file calls passes; an order that is not obvious has its reason beside it.

#include "torshjit/Target/CPU/CPUTarget.h"
#include "Transforms/DotForms.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Runtime/KernelABI.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "torshjit/Target/CPU/IR/CPUDialect.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Target/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;
using namespace mlir::torsh;

static constexpr Phase kPhases[] = {
    {"loops", "every kernel is tiled, and is loops and vectors on memrefs"},
    {"llvm", "every kernel is LLVM dialect with an entry of the kernel ABI"},
};

static constexpr llvm::StringLiteral kWholeOperations[] = {"torsh.attention"};

static constexpr Artifact kArtifacts[] = {
    {"llvmir", "LLVM IR after LLVM's optimiser"},
    {"assembly", "the processor's assembly"},
};

/// Options have passed checkArchitecture.
static const cpu::Processor &processorOf(const CompileOptions &options) {
  return *llvm::cantFail(cpu::Processor::find(options.architecture));
}

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void addVerifier(OpPassManager &pm, StringRef phase, ArrayRef<std::string> dialects,
                        bool host) {
  VerifyDialectsPassOptions options;
  options.phase = phase.str();
  options.dialects.assign(dialects.begin(), dialects.end());
  options.host = host;
  pm.addPass(createVerifyDialectsPass(options));
}

static SmallVector<std::string> dotFeaturesOf(const cpu::Processor &processor) {
  return cpu::getDotFeatures([&](StringRef feature) { return processor.has(feature); });
}

/// What schedules are chosen for; two passes have these options.
template <typename Options> static Options machineOf(const CompileOptions &options) {
  Options machine;
  machine.threads = options.threads;
  machine.vectorBits = processorOf(options).vectorBits;
  cpu::CacheSizes caches =
      options.architecture.empty() ? cpu::CacheSizes::host() : cpu::CacheSizes();
  machine.level1 = caches.level1;
  machine.level2 = caches.level2;
  machine.dotFeatures = dotFeaturesOf(processorOf(options));
  return machine;
}

static void buildPreparation(OpPassManager &pm, const CompileOptions &options) {
  if (options.optimize)
    pm.addPass(createPackFixedOperandsPass(machineOf<PackFixedOperandsPassOptions>(options)));
}

static void buildLoops(OpPassManager &pm, const CompileOptions &options) {
  auto schedules = machineOf<SelectCPUSchedulesPassOptions>(options);
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createFindPositionsPass());
  function.addPass(createExpandGroupsPass());
  function.addPass(createFuseElementwisePass());
  function.addPass(createMergeResultsPass());
  function.addPass(createSplitReductionsPass());
  function.addPass(createSelectCPUSchedulesPass(schedules));
  function.addPass(createTileKernelsPass());
  function.addPass(createPadTilesPass());
  addCleanup(function);
  function.addPass(createBufferizeKernelsPass());
  // Finds the copies of a tile to itself, which bufferisation leaves behind: they
  // are seen to be such once CSE has merged the views.
  addCleanup(function);
  function.addPass(createCanonicalizerPass());
  function.addPass(createParallelizeElementwisePass());
  TransposeOperandsPassOptions transposition;
  transposition.vectorBits = schedules.vectorBits;
  // Before the results are computed in pieces: a tile's copy serves them all.
  function.addPass(createTransposeOperandsPass(transposition));
  function.addPass(createStreamResultsPass());
  function.addPass(createLowerContractionsPass());
  LowerOrderedPassOptions ordered;
  ordered.vectorBits = schedules.vectorBits;
  function.addPass(createLowerOrderedPass(ordered));
  function.addPass(createCollapseLoopsPass());
  function.addPass(createLowerToLoopsPass());
  addCleanup(function);
  function.addPass(createPrefetchOperandsPass());
  if (processorOf(options).fusesProducts())
    function.addPass(createDivideByReciprocalsPass());
  addCleanup(function);
  addVerifier(pm, "loops", {"affine", "arith", "func", "math", "memref", "scf", "vector", "ub"},
              /*host=*/true);
}

static void buildLLVM(OpPassManager &pm, const CompileOptions &options) {
  const cpu::Processor &processor = processorOf(options);
  LowerDotProductsPassOptions dots;
  dots.features = dotFeaturesOf(processor);
  dots.vectorBits = processor.vectorBits;
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createLowerCPUSignaturesPass());
  function.addPass(createAllocateScratchPass());
  pm.addPass(createOutlineParallelLoopsPass());
  OpPassManager &lowered = pm.nest<func::FuncOp>();
  ApproximateMathPassOptions functions;
  functions.hasScale = processorOf(options).has("avx512f");
  lowered.addPass(createLowerDotProductsPass(dots));
  lowered.addPass(createApproximateMathPass(functions));
  ExpandHalvesPassOptions halves;
  halves.f16 = !processorOf(options).convertsF16();
  halves.bf16 = !processorOf(options).convertsBF16();
  if (halves.f16 || halves.bf16)
    lowered.addPass(createExpandHalvesPass(halves));
  lowered.addPass(memref::createExpandStridedMetadataPass());
  lowered.addPass(createLowerAffinePass());
  // Of the operations that are left.
  InterleaveLoopsPassOptions interleaving;
  interleaving.vectorBits = processor.vectorBits;
  lowered.addPass(createInterleaveLoopsPass(interleaving));
  lowered.addPass(createSCFToControlFlowPass());
  addCleanup(lowered);
  pm.addPass(createConvertCPUToLLVMPass());
  addVerifier(pm, "llvm", {"llvm"}, /*host=*/false);
}

namespace {

/// Object files; loaded into this process if it can run them.
class CPUCode : public KernelCode {
public:
  static llvm::Expected<std::unique_ptr<KernelCode>> create(ModuleOp module,
                                                            const CompileOptions &options) {
    auto code = std::make_unique<CPUCode>();
    std::vector<OwningOpRef<ModuleOp>> kernels = cpu::splitKernels(module);
    if (kernels.empty())
      return code; // Nothing but copies.
    const cpu::Processor &processor = processorOf(options);
    auto objects = cpu::generateCode(kernels, processor, options.threads);
    if (!objects)
      return objects.takeError();
    code->objects = std::move(*objects);
    if (!processor.missingHere.empty())
      return code;
    auto loaded = cpu::LoadedCode::load(code->objects);
    if (!loaded)
      return loaded.takeError();
    code->loaded = std::move(*loaded);
    for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
      StringRef name = function.getSymName();
      if (!name.consume_front(TORSH_KERNEL_PREFIX) || function.isExternal())
        continue;
      llvm::Expected<uint64_t> address = code->loaded->lookup(function.getSymName());
      if (!address)
        return address.takeError();
      code->addresses.emplace_back(name.str(), *address);
    }
    return code;
  }

  ArrayRef<std::pair<std::string, uint64_t>> getAddresses() const override { return addresses; }
  llvm::Expected<std::string> serialize() const override {
    // The linker wants at least one file; a program that only returns its inputs has no kernel.
    return objects.empty() ? std::string() : cpu::linkSharedLibrary(objects);
  }

private:
  std::vector<std::string> objects;
  std::unique_ptr<cpu::LoadedCode> loaded;
  std::vector<std::pair<std::string, uint64_t>> addresses;
};

class CPUTarget : public Target {
public:
  StringRef getName() const override { return "cpu"; }
  StringRef getSentence() const override { return "the processor of this machine"; }
  llvm::Error checkArchitecture(StringRef architecture) const override {
    return cpu::Processor::find(architecture).takeError();
  }
  ArrayRef<llvm::StringLiteral> getWholeOperations() const override { return kWholeOperations; }
  void buildPreparation(OpPassManager &pm, const CompileOptions &options) const override {
    ::buildPreparation(pm, options);
  }
  ArrayRef<Phase> getPhases() const override { return kPhases; }
  void buildPhase(size_t number, OpPassManager &pm, const CompileOptions &options) const override {
    number == 0 ? buildLoops(pm, options) : buildLLVM(pm, options);
  }
  ArrayRef<Artifact> getArtifacts() const override { return kArtifacts; }
  llvm::Expected<std::string> printArtifact(ModuleOp module, StringRef name,
                                            const CompileOptions &options) const override {
    auto texts =
        cpu::generateCode(cpu::splitKernels(module), processorOf(options), options.threads,
                          name == "llvmir" ? cpu::CodeKind::LLVMIR : cpu::CodeKind::Assembly);
    if (!texts)
      return texts.takeError();
    std::string all;
    for (const std::string &text : *texts)
      all += text;
    return all;
  }
  llvm::Expected<std::unique_ptr<KernelCode>>
  generate(ModuleOp module, StringRef, const CompileOptions &options) const override {
    return CPUCode::create(module, options);
  }
  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<cpu::TorshCPUDialect, cf::ControlFlowDialect, LLVM::LLVMDialect>();
  }
};

} // namespace

std::unique_ptr<Target> mlir::torsh::cpu::createTarget() { return std::make_unique<CPUTarget>(); }
