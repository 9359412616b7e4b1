// SPDX-License-Identifier: Apache-2.0
// Kernels of the LLVM dialect to code in memory, on several threads.

#include "torshjit/Target/LLVM/GenerateCode.h"
#include "mlir/Target/LLVMIR/Export.h"
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
using namespace mlir::torsh;

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

CodeGenerator::~CodeGenerator() = default;

llvm::Error CodeGenerator::check(const llvm::Module &) const { return llvm::Error::success(); }

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
mlir::torsh::createTargetMachine(StringRef triple, StringRef processor, StringRef features) {
  llvm::Triple parsed(triple);
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return fail("no code generator for " + triple + ": " + error);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      parsed, processor, features, llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default, /*JIT=*/false));
  if (!machine)
    return fail("no code generator for processor " + processor);
  return machine;
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     const CodeGenerator &generator) {
  llvm::PipelineTuningOptions tuning;
  generator.tune(tuning);
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
  builder.buildPerModuleDefaultPipeline(generator.getLevel()).run(module, modules);
}

namespace {

/// A kernel on its way through LLVM. It has a context of its own, so that kernels
/// can be compiled on different threads.
struct Unit {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::string code;

  llvm::Error compile(const CodeGenerator &generator, CodeKind kind) {
    llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = generator.createMachine();
    if (!machine)
      return machine.takeError();
    module->setDataLayout((*machine)->createDataLayout());
    module->setTargetTriple((*machine)->getTargetTriple());
    if (llvm::Error error = generator.prepare(*module))
      return error;
    optimize(*module, **machine, generator);
    if (llvm::Error error = generator.check(*module))
      return error;
    if (kind == CodeKind::LLVMIR) {
      llvm::raw_string_ostream(code) << *module;
      return llvm::Error::success();
    }
    llvm::SmallVector<char, 0> output;
    llvm::raw_svector_ostream stream(output);
    llvm::legacy::PassManager passes;
    if ((*machine)->addPassesToEmitFile(passes, stream, nullptr,
                                        kind == CodeKind::Object
                                            ? llvm::CodeGenFileType::ObjectFile
                                            : llvm::CodeGenFileType::AssemblyFile))
      return fail("the code generator cannot write this kind of file");
    passes.run(*module);
    code.assign(output.begin(), output.end());
    return llvm::Error::success();
  }
};

} // namespace

llvm::Expected<std::vector<std::string>> mlir::torsh::generateCode(ArrayRef<Operation *> modules,
                                                                   const CodeGenerator &generator,
                                                                   int64_t threads, CodeKind kind) {
  // The translation reads the MLIR context, which threads must not share.
  std::vector<std::unique_ptr<Unit>> units;
  for (Operation *module : modules) {
    auto unit = std::make_unique<Unit>();
    unit->module = translateModuleToLLVMIR(module, unit->context, "kernel");
    if (!unit->module)
      return fail("cannot translate a kernel to LLVM IR");
    units.push_back(std::move(unit));
  }
  // The largest first: a thread left with a large one at the end would work alone.
  std::vector<Unit *> order;
  order.reserve(units.size());
  for (const std::unique_ptr<Unit> &unit : units)
    order.push_back(unit.get());
  std::stable_sort(order.begin(), order.end(), [](Unit *a, Unit *b) {
    return a->module->getInstructionCount() > b->module->getInstructionCount();
  });
  std::atomic<size_t> next{0};
  std::vector<std::string> errors(order.size());
  auto work = [&] {
    for (size_t i = next++; i < order.size(); i = next++)
      if (llvm::Error error = order[i]->compile(generator, kind))
        errors[i] = llvm::toString(std::move(error));
  };
  std::vector<std::thread> helpers;
  size_t wanted = std::min<size_t>(std::max<int64_t>(threads, 1), order.size());
  for (size_t i = 1; i < wanted; ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();

  for (const std::string &error : errors)
    if (!error.empty())
      return fail(error);
  std::vector<std::string> codes;
  codes.reserve(units.size());
  for (const std::unique_ptr<Unit> &unit : units)
    codes.push_back(std::move(unit->code));
  return codes;
}
