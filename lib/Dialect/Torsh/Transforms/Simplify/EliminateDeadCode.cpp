// SPDX-License-Identifier: Apache-2.0
// Removes unused operations and unreachable private symbols, each in one sweep.

#include "mlir/IR/Iterators.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "torsh-eliminate-dead-code"

namespace mlir::torsh {
#define GEN_PASS_DEF_ELIMINATEDEADCODEPASS
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// Erases the unused operations under `root`, users before what they use.
static int64_t eraseUnusedOperations(Operation *root) {
  int64_t erased = 0;
  root->walk<WalkOrder::PostOrder, ReverseIterator>([&](Operation *op) {
    if (op == root || !isOpTriviallyDead(op))
      return;
    op->erase();
    ++erased;
  });
  return erased;
}

/// Adds the symbols that `op` and everything in it name.
static LogicalResult addNamedSymbols(Operation *op, SymbolTable &table,
                                     SetVector<Operation *> &reached) {
  std::optional<SymbolTable::UseRange> uses = SymbolTable::getSymbolUses(op);
  if (!uses)
    return failure();
  for (const SymbolTable::SymbolUse &use : *uses)
    if (Operation *symbol = table.lookup(use.getSymbolRef().getRootReference()))
      reached.insert(symbol);
  return success();
}

/// Erases the private symbols of the table `root` that nothing kept can name.
static int64_t eraseUnreachableSymbols(Operation *root) {
  SymbolTable table(root);
  SetVector<Operation *> reached;
  SmallVector<Operation *> candidates;
  for (Operation &op : root->getRegion(0).getOps()) {
    auto symbol = dyn_cast<SymbolOpInterface>(op);
    if (symbol && symbol.isPrivate() && symbol.canDiscardOnUseEmpty())
      candidates.push_back(&op);
    else
      reached.insert(&op);
  }
  // An operation that may hold unknown uses of symbols keeps them all.
  for (size_t i = 0; i < reached.size(); ++i)
    if (failed(addNamedSymbols(reached[i], table, reached)))
      return 0;
  int64_t erased = 0;
  for (Operation *op : candidates) {
    if (reached.contains(op))
      continue;
    table.erase(op);
    ++erased;
  }
  return erased;
}

namespace {
struct EliminateDeadCodePass : torsh::impl::EliminateDeadCodePassBase<EliminateDeadCodePass> {
  using EliminateDeadCodePassBase::EliminateDeadCodePassBase;

  void runOnOperation() override {
    Operation *root = getOperation();
    numOperations += eraseUnusedOperations(root);
    if (root->hasTrait<OpTrait::SymbolTable>())
      numSymbols += eraseUnreachableSymbols(root);
  }
};
} // namespace
