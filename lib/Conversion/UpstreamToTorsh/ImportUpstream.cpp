// SPDX-License-Identifier: Apache-2.0
// Turns programs of MLIR's own dialects on tensors into torsh operations.

#include "Importer.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Conversion/UpstreamToTorsh/Passes.h"

#define DEBUG_TYPE "torsh-import-upstream"

namespace mlir::torsh {
#define GEN_PASS_DEF_IMPORTUPSTREAMPASS
#include "torshjit/Conversion/UpstreamToTorsh/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// Whether an operation is as a front end of torsh leaves it: on tensors, or arithmetic on the
/// sizes of the host program.
static bool isImported(Operation *op) {
  if (isa_and_present<TorshDialect>(op->getDialect()) || isa<func::ReturnOp, tensor::DimOp>(op))
    return true;
  return isa_and_present<arith::ArithDialect, affine::AffineDialect>(op->getDialect()) &&
         op->getNumRegions() == 0 && op->getNumResults() == 1 &&
         op->getResult(0).getType().isIndex();
}

static bool needsImport(func::FuncOp function) {
  if (function.isDeclaration() || function->hasAttr("torsh.kernel"))
    return false;
  for (Type type : function.getArgumentTypes())
    if (type.isIntOrIndexOrFloat())
      return true;
  return llvm::any_of(function.getBody().getOps(), [](Operation &op) { return !isImported(&op); });
}

namespace {
struct ImportUpstreamPass : torsh::impl::ImportUpstreamPassBase<ImportUpstreamPass> {
  void runOnOperation() override {
    ElementRules rules;
    populateIntegerRules(rules);
    populateFloatRules(rules);
    populateConversionRules(rules);
    populateMathRules(rules);

    SmallVector<func::FuncOp> imported, called;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!needsImport(function))
        continue;
      // A private function is there to be called, and is inlined where it is.
      (function.isPrivate() && function.getSymName() != "main" ? called : imported)
          .push_back(function);
    }
    if (imported.empty())
      imported.swap(called);
    SmallVector<std::pair<func::FuncOp, StringAttr>> made;
    for (func::FuncOp function : imported) {
      OpBuilder builder(function);
      FailureOr<func::FuncOp> result = Importer(builder, rules).importFunction(function);
      if (failed(result))
        return signalPassFailure();
      made.emplace_back(*result, function.getSymNameAttr());
    }
    for (func::FuncOp function : llvm::concat<func::FuncOp>(imported, called))
      function.erase();
    for (auto [function, name] : made)
      function.setSymNameAttr(name);
    if (imported.empty())
      return;
    // What was called is inlined now.
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (function.isPrivate() && function.getSymName() != "main")
        function.erase();
  }
};
} // namespace
