// SPDX-License-Identifier: Apache-2.0
// The phases of a compilation, in order. This file calls passes and holds no logic
// of its own; an order that is not obvious has its reason beside it.

#include "torshjit/Compiler/Phases.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Transforms/Passes.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Compiler/Passes.h"
#include "torshjit/Conversion/TorshToLinalg/TorshToLinalg.h"
#include "torshjit/Dialect/Torsh/Transforms/Decompose/Passes.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::torsh;

//===----------------------------------------------------------------------===//
// Bundles
//===----------------------------------------------------------------------===//

static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static void addVerifier(OpPassManager &pm, StringRef phase) {
  VerifyPhasePassOptions options;
  options.phase = phase.str();
  pm.addPass(createVerifyPhasePass(options));
}

static void addSimplification(OpPassManager &pm, const CompileOptions &options) {
  SimplifyAlgebraPassOptions algebra;
  algebra.fast = options.fast;
  ReduceStrengthPassOptions strength;
  strength.fast = options.fast;
  FoldConstantsPassOptions constants;
  constants.fast = options.fast;
  pm.addPass(createFoldConstantsPass(constants));
  pm.addPass(createSimplifyAlgebraPass(algebra));
  pm.addPass(createReduceStrengthPass(strength));
  pm.addPass(createCSEPass());
  pm.addPass(createEliminateDeadCodePass());
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

static void buildCapture(OpPassManager &, const CompileOptions &) {}

static void buildGraph(OpPassManager &pm, const CompileOptions &options) {
  // Composites are simplified whole first, then with their parts.
  if (options.optimize)
    addSimplification(pm, options);
  pm.addPass(createDecomposePass());
  if (options.optimize)
    addSimplification(pm, options);
  addVerifier(pm, "graph");
}

static void buildKernels(OpPassManager &pm, const CompileOptions &options) {
  KernelsPhaseOptions kernels;
  kernels.strategy = options.fusionStrategy;
  kernels.maxSize = options.maxFusionSize;
  buildKernelsPhase(pm, kernels);
}

static void buildLinalg(OpPassManager &pm, const CompileOptions &) {
  pm.addPass(createConvertTorshToLinalgPass());
  addVerifier(pm, "linalg");
}

static void buildLoops(OpPassManager &pm, const CompileOptions &options) {
  SelectCPUSchedulesPassOptions schedules;
  schedules.threads = options.threads;
  schedules.vectorBits = options.processor.vectorBits;
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createFuseElementwisePass());
  function.addPass(createSelectCPUSchedulesPass(schedules));
  function.addPass(createTileKernelsPass());
  addCleanup(function);
  function.addPass(createBufferizeKernelsPass());
  // Finds the copies of a tile to itself, which bufferisation leaves behind: they
  // are seen to be such once CSE has merged the views.
  addCleanup(function);
  function.addPass(createCanonicalizerPass());
  function.addPass(createLowerContractionsPass());
  function.addPass(createLowerToLoopsPass());
  addCleanup(function);
  addVerifier(pm, "loops");
}

static void buildLLVM(OpPassManager &pm, const CompileOptions &) {
  OpPassManager &function = pm.nest<func::FuncOp>();
  function.addPass(createLowerCPUSignaturesPass());
  function.addPass(createAllocateScratchPass());
  pm.addPass(createOutlineParallelLoopsPass());
  OpPassManager &lowered = pm.nest<func::FuncOp>();
  lowered.addPass(createApproximateMathPass());
  lowered.addPass(memref::createExpandStridedMetadataPass());
  lowered.addPass(createLowerAffinePass());
  lowered.addPass(createSCFToControlFlowPass());
  addCleanup(lowered);
  pm.addPass(createConvertCPUToLLVMPass());
  addVerifier(pm, "llvm");
}

static constexpr Phase kPhases[] = {
    {"capture", "the program as a front end built it: torsh operations on tensors", buildCapture},
    {"graph", "the program is simplified, and composite operations are taken apart", buildGraph},
    {"kernels", "every computation is in a kernel, and the host function only launches them",
     buildKernels},
    {"linalg", "every kernel is a function of linalg operations on tensors", buildLinalg},
    {"loops", "every kernel is tiled, and is loops and vectors on memrefs", buildLoops},
    {"llvm", "every kernel is LLVM dialect with an entry of the kernel ABI", buildLLVM},
};

ArrayRef<Phase> mlir::torsh::getPhases() { return kPhases; }

std::optional<size_t> mlir::torsh::findPhase(StringRef name) {
  for (auto [i, phase] : llvm::enumerate(getPhases()))
    if (phase.name == name)
      return i;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static LogicalResult dump(ModuleOp module, size_t number, const CompileOptions &options) {
  llvm::SmallString<128> path(options.dumpDirectory);
  llvm::sys::path::append(path,
                          std::to_string(number) + "_" + getPhases()[number].name.str() + ".mlir");
  std::string error;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(path, &error);
  if (!file)
    return module.emitError("cannot dump: ") << error;
  module.print(file->os(), OpPrintingFlags().enableDebugInfo());
  file->keep();
  return success();
}

LogicalResult mlir::torsh::runPhases(ModuleOp module, int64_t from, size_t to,
                                     const CompileOptions &options) {
  bool dumps = !options.dumpDirectory.empty();
  if (dumps && llvm::sys::fs::create_directories(options.dumpDirectory))
    return module.emitError("cannot create the dump directory ") << options.dumpDirectory;
  for (size_t i = from + 1; i <= to && i < getPhases().size(); ++i) {
    PassManager pm(module.getContext(), ModuleOp::getOperationName());
    getPhases()[i].build(pm, options);
    // Each phase ends in a verifier of its contract. Up to linalg, where our own
    // patterns build operations whose rules the passes after them rely on, MLIR's
    // verifier runs as well; past it, it would cost more than it has ever found.
    pm.enableVerifier(dumps || i <= *findPhase("linalg"));
    if (dumps) {
      llvm::SmallString<128> tree(options.dumpDirectory);
      llvm::sys::path::append(tree, std::to_string(i) + "_" + getPhases()[i].name.str());
      pm.enableIRPrintingToFileTree([](Pass *, Operation *) { return false; },
                                    [](Pass *, Operation *) { return true; },
                                    /*printModuleScope=*/true, /*printAfterOnlyOnChange=*/true,
                                    /*printAfterOnlyOnFailure=*/false, tree);
      llvm::SmallString<128> reproducer(options.dumpDirectory);
      llvm::sys::path::append(reproducer, "reproducer.mlir");
      pm.enableCrashReproducerGeneration(reproducer);
    }
    if (failed(pm.run(module)))
      return failure();
    if (dumps && failed(dump(module, i, options)))
      return failure();
  }
  return success();
}

void mlir::torsh::registerPhasePipelines() {
  // Registration keeps the callbacks, so each phase has its own.
  for (const Phase &phase : getPhases())
    registerPassPipeline(
        ("torsh-phase-" + phase.name).str(), phase.sentence,
        [&phase](OpPassManager &pm, StringRef text,
                 function_ref<LogicalResult(const Twine &)> error) -> LogicalResult {
          if (!text.empty())
            return error("a phase pipeline takes no options");
          phase.build(pm, CompileOptions());
          return success();
        },
        [](function_ref<void(const detail::PassOptions &)>) {});
}
