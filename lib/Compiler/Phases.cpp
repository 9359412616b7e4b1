// SPDX-License-Identifier: Apache-2.0
// The phases that all targets share, in order; a target's own are in its folder. This
// file calls passes; an order that is not obvious has its reason beside it.

#include "torshjit/Compiler/Phases.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Transforms/Passes.h"
#include "torshjit/Compiler/Passes.h"
#include "torshjit/Compiler/Targets.h"
#include "torshjit/Conversion/TorshToLinalg/TorshToLinalg.h"
#include "torshjit/Conversion/UpstreamToTorsh/Passes.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Decompose/Passes.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h"
#include "llvm/ADT/StringExtras.h"
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

static void buildCapture(OpPassManager &pm, const CompileOptions &, const Target &) {
  // Programs that a front end built in torsh are left as they are.
  pm.addPass(createImportUpstreamPass());
}

static void buildGraph(OpPassManager &pm, const CompileOptions &options, const Target &target) {
  // Composites are simplified whole first, then with their parts.
  if (options.optimize) {
    addSimplification(pm, options);
    pm.addPass(createFoldBatchNormsPass());
  }
  DecomposePassOptions decompose;
  for (StringRef name : target.getWholeOperations())
    decompose.keep.push_back(name.str());
  if (options.optimize && llvm::is_contained(decompose.keep, "torsh.attention"))
    pm.addPass(createFormAttentionPass());
  pm.addPass(createDecomposePass(decompose));
  if (options.optimize)
    addSimplification(pm, options);
  addVerifier(pm, "graph");
}

static void buildKernels(OpPassManager &pm, const CompileOptions &options, const Target &) {
  KernelsPhaseOptions kernels;
  kernels.strategy = options.fusionStrategy;
  kernels.maxSize = options.maxFusionSize;
  kernels.choices = options.fusionRules;
  buildKernelsPhase(pm, kernels);
}

static void buildLinalg(OpPassManager &pm, const CompileOptions &options, const Target &target) {
  pm.addPass(createConvertTorshToLinalgPass());
  target.buildPreparation(pm, options);
  pm.addPass(createMarkOncePass());
  addVerifier(pm, "linalg");
}

static constexpr Phase kPhases[] = {
    {"capture", "the program as a front end built it: torsh operations on tensors"},
    {"graph", "the program is simplified, and composite operations are taken apart"},
    {"kernels", "every computation is in a kernel, and the host function only launches them"},
    {"linalg", "every kernel is a function of linalg operations on tensors"},
};
// The passes of each.
static void (*const kBuilders[])(OpPassManager &, const CompileOptions &, const Target &) = {
    buildCapture, buildGraph, buildKernels, buildLinalg};

SmallVector<Phase> mlir::torsh::getPhases(const Target &target) {
  SmallVector<Phase> phases(std::begin(kPhases), std::end(kPhases));
  llvm::append_range(phases, target.getPhases());
  return phases;
}

size_t mlir::torsh::getNumSharedPhases() { return std::size(kPhases); }

std::optional<size_t> mlir::torsh::findPhase(const Target &target, StringRef name) {
  for (auto [i, phase] : llvm::enumerate(getPhases(target)))
    if (phase.name == name)
      return i;
  return std::nullopt;
}

void mlir::torsh::buildPhase(const Target &target, size_t position, OpPassManager &pm,
                             const CompileOptions &options) {
  if (position < std::size(kPhases))
    kBuilders[position](pm, options, target);
  else
    target.buildPhase(position - std::size(kPhases), pm, options);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static LogicalResult dump(ModuleOp module, const std::string &name, const CompileOptions &options) {
  llvm::SmallString<128> path(options.dumpDirectory);
  llvm::sys::path::append(path, name + ".mlir");
  std::string error;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(path, &error);
  if (!file)
    return module.emitError("cannot dump: ") << error;
  module.print(file->os(), OpPrintingFlags().enableDebugInfo());
  file->keep();
  return success();
}

/// Puts the schedules that the options say on the kernels.
static LogicalResult setSchedules(ModuleOp module, const CompileOptions &options) {
  for (const auto &[name, text] : options.schedules) {
    auto kernel = module.lookupSymbol<KernelOp>(name);
    if (!kernel) {
      SmallVector<StringRef> known;
      for (auto other : module.getOps<KernelOp>())
        known.push_back(other.getSymName());
      return module.emitError("there is no kernel '")
             << name << "' to give a schedule to; the kernels are " << llvm::join(known, ", ");
    }
    // What the parser says is of a text without a name.
    auto parse = [&] {
      ScopedDiagnosticHandler silent(module.getContext(), [](Diagnostic &) { return success(); });
      return dyn_cast_or_null<ScheduleAttr>(parseAttribute(text, module.getContext()));
    };
    ScheduleAttr schedule = parse();
    if (!schedule)
      return module.emitError("the schedule of kernel '")
             << name << "' is no #torsh.schedule<...>: " << text;
    kernel.setScheduleAttr(schedule);
  }
  return success();
}

LogicalResult mlir::torsh::runPhases(const Target &target, ModuleOp module, int64_t from, size_t to,
                                     const CompileOptions &options) {
  bool dumps = !options.dumpDirectory.empty();
  if (dumps && llvm::sys::fs::create_directories(options.dumpDirectory))
    return module.emitError("cannot create the dump directory ") << options.dumpDirectory;
  SmallVector<Phase> phases = getPhases(target);
  for (size_t i = from + 1; i <= to && i < phases.size(); ++i) {
    PassManager pm(module.getContext(), ModuleOp::getOperationName());
    buildPhase(target, i, pm, options);
    // Each phase ends in a verifier of its contract. In the shared ones, where our
    // own patterns build operations whose rules the passes after them rely on, MLIR's
    // verifier runs as well; past them, it would cost more than it has ever found.
    pm.enableVerifier(dumps || i < getNumSharedPhases());
    std::string name = std::to_string(i) + "_" + phases[i].name.str();
    if (dumps) {
      llvm::SmallString<128> tree(options.dumpDirectory);
      llvm::sys::path::append(tree, name);
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
    if (phases[i].name == "kernels" && failed(setSchedules(module, options)))
      return failure();
    if (dumps && failed(dump(module, name, options)))
      return failure();
  }
  return success();
}

static void registerPipeline(const Twine &name, const Target &target, size_t position) {
  // Registration keeps the callbacks, so each phase has its own.
  registerPassPipeline(
      name.str(), getPhases(target)[position].sentence,
      [&target, position](OpPassManager &pm, StringRef text,
                          function_ref<LogicalResult(const Twine &)> error) -> LogicalResult {
        if (!text.empty())
          return error("a phase pipeline takes no options");
        buildPhase(target, position, pm, CompileOptions());
        return success();
      },
      [](function_ref<void(const mlir::detail::PassOptions &)>) {});
}

void mlir::torsh::registerPhasePipelines() {
  for (size_t i = 0; i < getNumSharedPhases(); ++i)
    registerPipeline("torsh-phase-" + kPhases[i].name, *getTargets().front(), i);
  for (const std::unique_ptr<Target> &target : getTargets())
    for (auto [i, phase] : llvm::enumerate(target->getPhases()))
      registerPipeline("torsh-phase-" + target->getName() + "-" + phase.name, *target,
                       getNumSharedPhases() + i);
}
