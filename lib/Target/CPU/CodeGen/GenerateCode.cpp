// SPDX-License-Identifier: Apache-2.0
// Kernels of the LLVM dialect to object files in memory, on several threads.

#include "mlir/Target/LLVMIR/Export.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Triple.h"
#include <atomic>
#include <thread>

using namespace mlir;
using namespace mlir::torsh::cpu;

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const Processor &processor) {
  initializeNativeTarget();
  llvm::Triple triple(processor.triple);
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return fail("no code generator for " + processor.triple + ": " + error);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, processor.name, processor.features, llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Default, /*JIT=*/false));
  if (!machine)
    return fail("no code generator for processor " + processor.name);
  return machine;
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     const Processor &processor) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    // The processor is the machine's: naming it on every function as well makes
    // LLVM look it up by its long description at every question.
    // LLVM prefers 256 bits on many processors that have 512.
    function.addFnAttr("prefer-vector-width", std::to_string(processor.vectorBits));
    function.setDoesNotThrow();
  }
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = false;
  // The vectoriser interleaves what is worth it, and the register tiles are
  // unrolled already; more of it is code to compile.
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

namespace {

/// A kernel on its way through LLVM. It has a context of its own, so that kernels
/// can be compiled on different threads.
struct Unit {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::string code, error;

  void compile(const Processor &processor, CodeKind kind) {
    llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = createMachine(processor);
    if (!machine) {
      error = llvm::toString(machine.takeError());
      return;
    }
    module->setDataLayout((*machine)->createDataLayout());
    module->setTargetTriple((*machine)->getTargetTriple());
    optimize(*module, **machine, processor);
    if (kind == CodeKind::LLVMIR) {
      llvm::raw_string_ostream(code) << *module;
      return;
    }
    llvm::SmallVector<char, 0> output;
    llvm::raw_svector_ostream stream(output);
    llvm::legacy::PassManager passes;
    if ((*machine)->addPassesToEmitFile(passes, stream, nullptr,
                                        kind == CodeKind::Object
                                            ? llvm::CodeGenFileType::ObjectFile
                                            : llvm::CodeGenFileType::AssemblyFile)) {
      error = "the code generator cannot write this kind of file";
      return;
    }
    passes.run(*module);
    code.assign(output.begin(), output.end());
  }
};

} // namespace

llvm::Expected<std::vector<std::string>>
mlir::torsh::cpu::generateCode(ArrayRef<OwningOpRef<ModuleOp>> kernels, const Processor &processor,
                               int64_t threads, CodeKind kind) {
  // The translation reads the MLIR context, which threads must not share.
  std::vector<std::unique_ptr<Unit>> units;
  for (const OwningOpRef<ModuleOp> &kernel : kernels) {
    auto unit = std::make_unique<Unit>();
    unit->module = translateModuleToLLVMIR(*kernel, unit->context, "kernel");
    if (!unit->module)
      return fail("cannot translate a kernel to LLVM IR");
    units.push_back(std::move(unit));
  }
  // The largest first: a thread left with a large one at the end would work alone.
  std::vector<Unit *> order;
  for (const std::unique_ptr<Unit> &unit : units)
    order.push_back(unit.get());
  std::stable_sort(order.begin(), order.end(), [](Unit *a, Unit *b) {
    return a->module->getInstructionCount() > b->module->getInstructionCount();
  });
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < order.size(); i = next++)
      order[i]->compile(processor, kind);
  };
  std::vector<std::thread> helpers;
  size_t wanted = std::min<size_t>(std::max<int64_t>(threads, 1), order.size());
  for (size_t i = 1; i < wanted; ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();

  std::vector<std::string> codes;
  for (const std::unique_ptr<Unit> &unit : units) {
    if (!unit->error.empty())
      return fail(unit->error);
    codes.push_back(std::move(unit->code));
  }
  return codes;
}
