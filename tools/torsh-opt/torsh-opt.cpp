// SPDX-License-Identifier: Apache-2.0
// The driver of the passes and of the phases, for tests and for looking at what happens.

#include "PhaseOptions.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "torshjit/Compiler/Compile.h"
#include "torshjit/Compiler/Phases.h"
#include "torshjit/Compiler/Registration.h"
#include "torshjit/Compiler/Targets.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace mlir::torsh;

/// Writes the code of a module, which is no MLIR any more.
static LogicalResult writeArtifact(llvm::raw_ostream &os, std::unique_ptr<llvm::MemoryBuffer> input,
                                   const DialectRegistry &registry, const PhaseRange &range) {
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(input), llvm::SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return failure();
  CompileOptions options;
  options.architecture = range.architecture;
  FailureOr<std::string> text =
      compileToText(*module, range.artifact, *range.target, options, range.from);
  if (failed(text))
    return failure();
  os << *text;
  return success();
}

/// mlir-opt's work on the phases of `range`; passes of the command line run after them.
static LogicalResult runRange(llvm::raw_ostream &os, std::unique_ptr<llvm::MemoryBuffer> input,
                              DialectRegistry &registry, const PhaseRange &range) {
  MlirOptMainConfig commandLine = MlirOptMainConfig::createFromCLOptions();
  MlirOptMainConfig config = commandLine;
  config.setPassPipelineSetupFn([&](PassManager &pm) {
    CompileOptions options;
    options.architecture = range.architecture;
    for (size_t i = range.from + 1; i <= range.to; ++i)
      buildPhase(*range.target, i, pm, options);
    return commandLine.setupPassPipeline(pm);
  });
  return MlirOptMain(os, std::move(input), registry, config);
}

static LogicalResult runPhaseOptions(StringRef inputName, StringRef outputName,
                                     DialectRegistry &registry) {
  llvm::Expected<PhaseRange> range = getPhaseRange();
  if (!range) {
    llvm::errs() << "error: " << llvm::toString(range.takeError()) << "\n";
    return failure();
  }
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> input = openInputFile(inputName, &error);
  if (!input) {
    llvm::errs() << "error: " << error << "\n";
    return failure();
  }
  std::unique_ptr<llvm::ToolOutputFile> output = openOutputFile(outputName, &error);
  if (!output) {
    llvm::errs() << "error: " << error << "\n";
    return failure();
  }
  LogicalResult result = range->artifact.empty()
                             ? runRange(output->os(), std::move(input), registry, *range)
                             : writeArtifact(output->os(), std::move(input), registry, *range);
  if (succeeded(result))
    output->keep();
  return result;
}

/// Libraries of targets are loaded before anything is registered, so before the
/// command line is parsed: --torsh-load-targets=<path>.
static bool loadTargetLibraries(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    StringRef argument(argv[i]);
    if (!argument.consume_front("--torsh-load-targets="))
      continue;
    if (llvm::Error error = loadTargets(argument)) {
      llvm::errs() << "error: " << llvm::toString(std::move(error)) << "\n";
      return false;
    }
  }
  return true;
}

int main(int argc, char **argv) {
  llvm::cl::list<std::string> libraries(
      "torsh-load-targets", llvm::cl::value_desc("library"),
      llvm::cl::desc("Take the targets of a shared library as well"));
  if (!loadTargetLibraries(argc, argv))
    return 1;
  DialectRegistry registry;
  registerDialects(registry);
  registerPasses();
  registerPhaseOptions();
  auto [inputName, outputName] =
      registerAndParseCLIOptions(argc, argv, "torshjit pass driver\n", registry);
  if (!hasPhaseOptions())
    return asMainReturnCode(MlirOptMain(argc, argv, inputName, outputName, registry));
  llvm::InitLLVM initialised(argc, argv);
  return asMainReturnCode(runPhaseOptions(inputName, outputName, registry));
}
