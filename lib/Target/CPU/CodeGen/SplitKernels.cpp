// SPDX-License-Identifier: Apache-2.0
// A module for each kernel, so that kernels are compiled, and can be cached, one
// by one.

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/SymbolTable.h"
#include "torshjit/Runtime/KernelABI.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

std::vector<OwningOpRef<ModuleOp>> mlir::torsh::cpu::splitKernels(ModuleOp module) {
  SymbolTable symbols(module);
  std::vector<OwningOpRef<ModuleOp>> kernels;
  for (auto entry : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!entry.getSymName().starts_with(TORSH_KERNEL_PREFIX))
      continue;
    llvm::SetVector<Operation *> needed;
    needed.insert(entry);
    for (size_t i = 0; i < needed.size(); ++i) {
      std::optional<SymbolTable::UseRange> uses = SymbolTable::getSymbolUses(needed[i]);
      if (!uses)
        continue;
      for (SymbolTable::SymbolUse use : *uses)
        if (Operation *symbol = symbols.lookup(use.getSymbolRef().getLeafReference()))
          needed.insert(symbol);
    }
    OwningOpRef<ModuleOp> kernel = ModuleOp::create(entry.getLoc());
    OpBuilder builder(kernel->getBodyRegion());
    for (Operation *op : needed)
      builder.clone(*op);
    kernels.push_back(std::move(kernel));
  }
  return kernels;
}
