// SPDX-License-Identifier: Apache-2.0
// The LLVM dialect to an object file in memory.

#include "mlir/Target/LLVMIR/Export.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>

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
  llvm::TargetOptions options;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, processor.name, processor.features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default, /*JIT=*/false));
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

static llvm::Error emit(llvm::Module &module, llvm::TargetMachine &machine,
                        llvm::CodeGenFileType type, llvm::SmallVectorImpl<char> &output) {
  llvm::raw_svector_ostream stream(output);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return fail("the code generator cannot write this kind of file");
  passes.run(module);
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
mlir::torsh::cpu::compileToObject(ModuleOp module, const Processor &processor,
                                  std::string *llvmIR, std::string *assembly) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = createMachine(processor);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(module, context, "kernels");
  if (!translated)
    return fail("cannot translate the module to LLVM IR");
  translated->setDataLayout((*machine)->createDataLayout());
  translated->setTargetTriple((*machine)->getTargetTriple());
  optimize(*translated, **machine, processor);
  if (llvmIR)
    llvm::raw_string_ostream(*llvmIR) << *translated;
  if (assembly) {
    std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*translated);
    llvm::SmallString<0> text;
    if (llvm::Error error = emit(*copy, **machine, llvm::CodeGenFileType::AssemblyFile, text))
      return std::move(error);
    *assembly = text.str().str();
  }
  llvm::SmallVector<char, 0> object;
  if (llvm::Error error =
          emit(*translated, **machine, llvm::CodeGenFileType::ObjectFile, object))
    return std::move(error);
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(object), "kernels.o",
                                                         /*RequiresNullTerminator=*/false);
}
