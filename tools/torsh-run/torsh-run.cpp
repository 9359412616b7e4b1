// SPDX-License-Identifier: Apache-2.0
// Times kernels alone, from their IR: the program, or what any phase up to loops left of
// it. For tuning: the schedule of a kernel can be given.

#include "KernelOperands.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "torshjit/Compiler/Phases.h"
#include "torshjit/Compiler/Registration.h"
#include "torshjit/Compiler/Targets.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Runtime/CPU/ThreadPool.h"
#include "torshjit/Tensor/Passes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SourceMgr.h"
#include <algorithm>
#include <chrono>
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

using namespace mlir;
using namespace mlir::torsh;

namespace {
struct Options {
  llvm::cl::opt<std::string> input{llvm::cl::Positional, llvm::cl::init("-"),
                                   llvm::cl::desc("<MLIR text>")};
  llvm::cl::opt<std::string> kernel{
      "kernel", llvm::cl::value_desc("name"),
      llvm::cl::desc("Time this kernel; by default all, in their order")};
  llvm::cl::opt<int64_t> threads{"threads", llvm::cl::init(1),
                                 llvm::cl::desc("Threads that a kernel may use")};
  llvm::cl::opt<int64_t> repeat{"repeat", llvm::cl::init(20),
                                llvm::cl::desc("How many samples are taken")};
  llvm::cl::opt<std::string> schedule{
      "schedule", llvm::cl::value_desc("#torsh.schedule<...>"),
      llvm::cl::desc("The schedule of the kernel, instead of what would be chosen")};
  llvm::cl::opt<std::string> shapes{
      "shapes", llvm::cl::value_desc("8x512,512x256"),
      llvm::cl::desc("Extents of the operands, results last, where the IR says '?'")};
  llvm::cl::opt<int64_t> calls{
      "calls", llvm::cl::init(0),
      llvm::cl::desc(
          "Only call each kernel as often, and time nothing: for callgrind, which counts")};
  llvm::cl::opt<std::string> target{
      "target", llvm::cl::value_desc("cpu[:architecture]"), llvm::cl::init("cpu"),
      llvm::cl::desc("A processor that this one can run the code of")};
  llvm::cl::opt<bool> json{"json", llvm::cl::desc("A JSON object for each kernel")};
};
} // namespace

/// Made in main, after the options of the libraries are gone.
static Options *options;

/// Samples of calls this short are of several calls, for the clock's sake.
static constexpr double kSampleMicroseconds = 50;

namespace {
struct Times {
  double best = 0, median = 0;
};
/// A kernel that is ready to run, with what is reported of it.
struct KernelRun {
  std::string name, schedule;
  KernelOperands operands;
};
} // namespace

static void call(TorshKernel kernel, const KernelOperands &operands, int64_t calls) {
  auto &worker = ::torsh::runtime::Worker::current();
  for (int64_t i = 0; i < calls; ++i) {
    auto mark = worker.scratchMemory.mark();
    kernel(operands.pointers(), operands.sizes(), &worker);
    worker.scratchMemory.release(mark);
  }
}

static double microseconds(TorshKernel kernel, const KernelOperands &operands, int64_t calls) {
  auto begin = std::chrono::steady_clock::now();
  call(kernel, operands, calls);
  std::chrono::duration<double, std::micro> elapsed = std::chrono::steady_clock::now() - begin;
  return elapsed.count() / calls;
}

static Times time(TorshKernel kernel, const KernelOperands &operands) {
  microseconds(kernel, operands, 1); // Pages, caches and threads.
  double once = microseconds(kernel, operands, 1);
  int64_t calls = std::max<int64_t>(1, kSampleMicroseconds / std::max(once, 0.001));
  std::vector<double> samples(options->repeat);
  for (double &sample : samples)
    sample = microseconds(kernel, operands, calls);
  std::sort(samples.begin(), samples.end());
  return {samples.front(), samples[samples.size() / 2]};
}

/// The phase that left the module: -1 for what a front end built.
static int64_t findPhaseOf(ModuleOp module, const Target &target) {
  bool hasKernels = false, hasFunctions = false, hasLinalg = false;
  module.walk([&](Operation *op) {
    auto function = dyn_cast<func::FuncOp>(op);
    hasKernels |= isa<KernelOp>(op);
    hasFunctions |= function && isKernel(function);
    hasLinalg |= isa<linalg::LinalgOp>(op);
  });
  StringRef phase = hasKernels                  ? "kernels"
                    : hasFunctions && hasLinalg ? "linalg"
                    : hasFunctions              ? "loops"
                                                : "";
  return phase.empty() ? -1 : static_cast<int64_t>(*findPhase(target, phase));
}

static std::string print(Attribute attribute) {
  std::string text;
  if (attribute)
    llvm::raw_string_ostream(text) << attribute;
  return text;
}

static SmallVector<func::FuncOp> chosenKernels(ModuleOp module) {
  SmallVector<func::FuncOp> kernels;
  for (auto function : module.getOps<func::FuncOp>())
    if (isKernel(function) && (options->kernel.empty() || function.getName() == options->kernel))
      kernels.push_back(function);
  return kernels;
}

/// Puts the schedule of the command line on the kernels.
static LogicalResult setSchedule(MutableArrayRef<func::FuncOp> kernels) {
  if (options->schedule.empty())
    return success();
  auto schedule = dyn_cast_or_null<ScheduleAttr>(
      parseAttribute(options->schedule, kernels.front()->getContext()));
  if (!schedule) {
    llvm::errs() << "error: --schedule: not a #torsh.schedule<...>\n";
    return failure();
  }
  for (func::FuncOp kernel : kernels)
    kernel->setAttr("torsh.schedule", schedule);
  return success();
}

static void report(const KernelRun &run, const Times &times) {
  double rate = run.operands.totalBytes() / times.best / 1e3;
  if (options->json) {
    llvm::outs() << llvm::json::Value(
                        llvm::json::Object{{"kernel", run.name},
                                           {"threads", options->threads.getValue()},
                                           {"schedule", run.schedule},
                                           {"operand_bytes", run.operands.totalBytes()},
                                           {"min_us", times.best},
                                           {"median_us", times.median}})
                 << "\n";
    return;
  }
  llvm::outs() << run.name << ": " << llvm::format("%.4g", times.best) << " us at best, "
               << llvm::format("%.4g", times.median) << " us in the middle of " << options->repeat
               << "; " << run.operands.totalBytes() << " bytes of operands, "
               << llvm::format("%.3g", rate) << " GB/s\n";
  if (!run.schedule.empty())
    llvm::outs() << "  " << run.schedule << "\n";
}

static LogicalResult run(ModuleOp module, const Target &target, StringRef architecture) {
  FailureOr<OperandShapes> shapes = parseShapes(options->shapes);
  if (failed(shapes)) {
    llvm::errs() << "error: --shapes: not extents joined by 'x', operands joined by ','\n";
    return failure();
  }
  CompileOptions compile;
  compile.threads = options->threads;
  compile.architecture = architecture.str();
  int64_t linalg = *findPhase(target, "linalg"), loops = *findPhase(target, "loops");
  int64_t from = findPhaseOf(module, target);
  if (from == loops && !options->schedule.empty()) {
    llvm::errs() << "error: --schedule: the loops are made already; give what linalg left\n";
    return failure();
  }
  if (from < linalg && failed(runPhases(target, module, from, linalg, compile)))
    return failure();
  SmallVector<func::FuncOp> kernels = chosenKernels(module);
  if (kernels.empty()) {
    llvm::errs() << "error: there is no kernel" << (options->kernel.empty() ? "" : " '")
                 << options->kernel << (options->kernel.empty() ? "" : "'") << "\n";
    return failure();
  }
  if (failed(setSchedule(kernels)))
    return failure();
  std::vector<KernelRun> runs;
  for (func::FuncOp kernel : kernels) {
    FailureOr<KernelOperands> operands = KernelOperands::create(kernel, *shapes);
    if (failed(operands))
      return failure();
    runs.push_back({kernel.getName().str(), "", std::move(*operands)});
  }
  if (failed(runPhases(target, module, std::max(from, linalg), loops, compile)))
    return failure();
  for (KernelRun &run : runs)
    if (auto kernel = module.lookupSymbol<func::FuncOp>(run.name))
      run.schedule = print(kernel->getAttr("torsh.schedule"));
  if (failed(runPhases(target, module, loops, getPhases(target).size() - 1, compile)))
    return failure();
  llvm::Expected<std::unique_ptr<KernelCode>> code = target.generate(module, "", compile);
  if (!code) {
    llvm::errs() << "error: " << llvm::toString(code.takeError()) << "\n";
    return failure();
  }
  llvm::StringMap<uint64_t> addresses;
  for (const auto &[name, address] : (*code)->getAddresses())
    addresses[name] = address;
  for (const KernelRun &run : runs) {
    auto kernel = reinterpret_cast<TorshKernel>(addresses.lookup(run.name));
    if (!options->calls) {
      report(run, time(kernel, run.operands));
      continue;
    }
    // Callgrind counts this part alone, and leaves the compiler at full speed.
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    call(kernel, run.operands, options->calls);
    CALLGRIND_DUMP_STATS_AT(run.name.c_str());
  }
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM initialised(argc, argv);
  // LLVM's own have the names of ours, and say nothing to a user of kernels.
  llvm::cl::ResetCommandLineParser();
  static Options parsed;
  options = &parsed;
  llvm::cl::ParseCommandLineOptions(argc, argv, "times kernels alone, from their IR\n");
  if (options->threads < 1 || options->threads > 1024 || options->repeat < 1 ||
      options->calls < 0) {
    llvm::errs()
        << "error: --threads is from 1 to 1024, --repeat at least 1, --calls not negative\n";
    return 1;
  }
  ::torsh::runtime::ThreadPool::setThreadCount(static_cast<int>(options->threads));
  DialectRegistry registry;
  registerDialects(registry);
  registerPasses();
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> input = openInputFile(options->input, &error);
  if (!input) {
    llvm::errs() << "error: " << error << "\n";
    return 1;
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(input), llvm::SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return 1;
  llvm::Expected<TargetSpec> target = findTarget(options->target);
  if (!target || target->target != findTargetOf("loops")) {
    llvm::errs() << "error: --target: "
                 << (target ? "kernels of " + options->target + " cannot be run alone"
                            : llvm::toString(target.takeError()))
                 << "\n";
    return 1;
  }
  return failed(run(*module, *target->target, target->architecture));
}
