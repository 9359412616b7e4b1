// SPDX-License-Identifier: Apache-2.0
// Keeps one of each set of equal kernels.

#include "mlir/IR/OperationSupport.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/FusionReport.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"
#include "llvm/ADT/Hashing.h"
#include <unordered_map>

namespace mlir::torsh {
#define GEN_PASS_DEF_MERGEEQUALKERNELSPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// The attributes of a kernel without its name.
static DictionaryAttr attributesWithoutName(KernelOp kernel) {
  NamedAttrList attributes(kernel->getAttrDictionary());
  attributes.erase(SymbolTable::getSymbolAttrName());
  return attributes.getDictionary(kernel.getContext());
}

static llvm::hash_code hashKernel(KernelOp kernel) {
  // Values by number, so that equal bodies have equal hashes.
  llvm::DenseMap<Value, unsigned> numbers;
  for (Value argument : kernel.getBody().getArguments())
    numbers.try_emplace(argument, numbers.size());
  llvm::hash_code hash = llvm::hash_value(attributesWithoutName(kernel).getAsOpaquePointer());
  for (Operation &op : kernel.getBody().front()) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(
                  &op, [&](Value operand) { return llvm::hash_value(numbers.lookup(operand)); },
                  OperationEquivalence::ignoreHashValue, OperationEquivalence::IgnoreLocations));
    for (Value result : op.getResults())
      numbers.try_emplace(result, numbers.size());
  }
  return hash;
}

static bool areEqual(KernelOp lhs, KernelOp rhs) {
  return attributesWithoutName(lhs) == attributesWithoutName(rhs) &&
         OperationEquivalence::isRegionEquivalentTo(&lhs.getBody(), &rhs.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

namespace {
class MergeEqualKernelsPass : public torsh::impl::MergeEqualKernelsPassBase<MergeEqualKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::unordered_map<size_t, SmallVector<KernelOp, 1>> kept;
    llvm::DenseMap<StringAttr, StringAttr> replacements;
    for (auto kernel : llvm::make_early_inc_range(module.getOps<KernelOp>())) {
      SmallVector<KernelOp, 1> &candidates = kept[hashKernel(kernel)];
      auto *equal =
          llvm::find_if(candidates, [&](KernelOp other) { return areEqual(other, kernel); });
      if (equal == candidates.end()) {
        candidates.push_back(kernel);
        continue;
      }
      replacements[kernel.getSymNameAttr()] = equal->getSymNameAttr();
      kernel.erase();
    }
    if (replacements.empty())
      return;
    module.walk([&](LaunchOp launch) {
      auto replacement = replacements.find(launch.getKernelAttr().getAttr());
      if (replacement != replacements.end())
        launch.setKernelAttr(FlatSymbolRefAttr::get(replacement->second));
    });
    if (!module->hasAttr(FusionReport::kAttributeName))
      return;
    FailureOr<FusionReport> report = FusionReport::load(module);
    if (failed(report))
      return signalPassFailure();
    for (ReportedGroup &group : report->groups) {
      auto replacement = replacements.find(StringAttr::get(&getContext(), group.kernel));
      if (replacement != replacements.end())
        group.kernel = replacement->second.str();
    }
    report->store(module);
  }
};
} // namespace
