// SPDX-License-Identifier: Apache-2.0
// How LLVM generates code for a processor.

#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

class ProcessorCodeGenerator : public CodeGenerator {
public:
  explicit ProcessorCodeGenerator(const cpu::Processor &processor) : processor(processor) {}

  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const override {
    return createTargetMachine(processor.triple, processor.name, processor.features);
  }

  llvm::Error prepare(llvm::Module &module) const override {
    for (llvm::Function &function : module) {
      if (function.isDeclaration())
        continue;
      // The processor is the machine's: naming it on every function as well makes
      // LLVM look it up by its long description at every question.
      // LLVM prefers 256 bits on many processors that have 512.
      function.addFnAttr("prefer-vector-width", std::to_string(processor.vectorBits));
      function.setDoesNotThrow();
    }
    return llvm::Error::success();
  }

  llvm::OptimizationLevel getLevel() const override { return llvm::OptimizationLevel::O2; }

  void tune(llvm::PipelineTuningOptions &tuning) const override {
    tuning.LoopVectorization = true;
    tuning.SLPVectorization = false;
    // The vectoriser interleaves what is worth it, and the register tiles are
    // unrolled already; more of it is code to compile.
    tuning.LoopUnrolling = false;
  }

private:
  const cpu::Processor &processor;
};

} // namespace

llvm::Expected<std::vector<std::string>>
mlir::torsh::cpu::generateCode(ArrayRef<OwningOpRef<ModuleOp>> kernels, const Processor &processor,
                               int64_t threads, CodeKind kind) {
  SmallVector<Operation *> modules;
  for (const OwningOpRef<ModuleOp> &kernel : kernels)
    modules.push_back(*kernel);
  return torsh::generateCode(modules, ProcessorCodeGenerator(processor), threads, kind);
}
