// SPDX-License-Identifier: Apache-2.0
// How LLVM generates PTX.
//
// MLIR's gpu-module-to-binary would do nearly the same. This shares the threads and
// the error handling of the other targets instead, links libdevice only into kernels
// that need it, and fails where that leaves `.extern .func` in the text.

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "torshjit/Target/CUDA/CodeGen/CodeGen.h"
#include "torshjit/Target/LLVM/GenerateCode.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

using namespace mlir;

static void initializeNVPTX() {
  static std::once_flag initialised;
  std::call_once(initialised, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
}

namespace {

class PTXGenerator : public torsh::CodeGenerator {
public:
  PTXGenerator(const torsh::cuda::Architecture &architecture, StringRef libdevice)
      : architecture(architecture), libdevice(libdevice) {
    initializeNVPTX();
  }

  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const override {
    return torsh::createTargetMachine("nvptx64-nvidia-cuda", architecture.name,
                                      architecture.features);
  }

  llvm::Error prepare(llvm::Module &module) const override {
    for (llvm::Function &function : module)
      if (!function.isDeclaration())
        function.setDoesNotThrow();
    return torsh::cuda::linkLibdevice(module, libdevice);
  }

  llvm::OptimizationLevel getLevel() const override { return llvm::OptimizationLevel::O3; }

  llvm::Error check(const llvm::Module &module) const override {
    // The driver would refuse the kernel when it is loaded, far from here.
    for (const llvm::Function &function : module)
      if (function.isDeclaration() && !function.isIntrinsic())
        return llvm::createStringError("a kernel calls '" + function.getName() +
                                       "', which libdevice does not have");
    return llvm::Error::success();
  }

private:
  const torsh::cuda::Architecture &architecture;
  StringRef libdevice;
};

} // namespace

llvm::Expected<std::vector<std::string>>
mlir::torsh::cuda::generatePTX(ModuleOp module, const Architecture &architecture,
                               StringRef libdevice, int64_t threads) {
  SmallVector<Operation *> kernels;
  for (auto kernel : module.getOps<mlir::gpu::GPUModuleOp>())
    kernels.push_back(kernel);
  return generateCode(kernels, PTXGenerator(architecture, libdevice), threads, CodeKind::Assembly);
}
