// SPDX-License-Identifier: Apache-2.0
// Copies cheap producers into the groups that read them.

#include "DuplicateProducers.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::torsh;

/// The dearest element that is computed several times rather than stored: a few
/// arithmetic operations, no function.
static constexpr int64_t kCheapElement = 4;

static int64_t getBytes(Value tensor) {
  int64_t bytes = llvm::divideCeil(tensorTypeOf(tensor).getElementTypeBitWidth(), 8);
  for (int64_t extent : tensorTypeOf(tensor).getShape())
    bytes *= ShapedType::isDynamic(extent) ? 1 : extent;
  return bytes;
}

/// Profit: nothing to read, or no more than the stored result would be.
static bool isCheap(const FusionNode &node, const FusionRules &rules) {
  if (isa<BroadcastOp, IotaOp>(node.op))
    return rules.foldsIndexMaps;
  auto op = dyn_cast<ElementwiseOpInterface>(node.op);
  if (!op || !rules.recomputes || op.getElementCost() > kCheapElement)
    return false;
  int64_t read = 0;
  for (Value operand : node.op->getOperands())
    if (!isCopiedConstant(operand.getDefiningOp()))
      read += getBytes(operand);
  return read <= getBytes(node.op->getResult(0));
}

/// Legality: whether `reader`, in `group`, can have `node` computed beside it.
static bool canHold(const FusionNode &node, Operation *reader, const FusionGroup &group,
                    const FusionGraph &graph) {
  Role role = getRole(reader);
  if (node.role == Role::IndexMap)
    return (role == Role::Elementwise || (role == Role::IndexMap && group.numElementwise)) &&
           (!group.anchor || isa<BroadcastOp>(node.op));
  if (role != Role::Elementwise && role != Role::Reduction)
    return false;
  if (std::optional<unsigned> number = graph.lookup(reader);
      number && role == Role::Elementwise && graph.getNode(*number).isReduced)
    return false;
  return tensorTypeOf(node.op->getResult(0)).getShape() == ArrayRef(group.shape);
}

void mlir::torsh::duplicateProducers(const FusionGraph &graph, const FusionRules &rules,
                                     llvm::DenseMap<Operation *, unsigned> &groupOf) {
  llvm::DenseMap<unsigned, int64_t> sizes;
  for (auto [op, group] : groupOf)
    ++sizes[group];
  SmallVector<Operation *> replaced;
  // Last to first, so that what a copied operation reads can follow it.
  for (const FusionNode &node : llvm::reverse(graph.getNodes())) {
    if (node.isReturned || node.role == Role::View || sizes[node.group] != 1 ||
        node.op->use_empty() || !isCheap(node, rules))
      continue;
    llvm::MapVector<unsigned, SmallVector<Operation *>> readers;
    bool isLegal = true;
    for (Operation *reader : node.op->getUsers()) {
      auto known = groupOf.find(reader);
      isLegal &=
          known != groupOf.end() && canHold(node, reader, graph.getGroup(known->second), graph) &&
          findChoice(rules, node.op, reader).value_or(true) && sizes[known->second] < rules.maxSize;
      if (!isLegal)
        break;
      readers[known->second].push_back(reader);
    }
    if (!isLegal)
      continue;
    for (auto &[group, ops] : readers) {
      Operation *copy = OpBuilder(node.op).clone(*node.op);
      groupOf[copy] = group;
      ++sizes[group];
      for (Operation *reader : ops)
        reader->replaceUsesOfWith(node.op->getResult(0), copy->getResult(0));
    }
    // Erased at the end: a copy must not get the address of an operation that
    // the graph still knows.
    groupOf.erase(node.op);
    node.op->dropAllReferences();
    replaced.push_back(node.op);
  }
  for (Operation *op : replaced)
    op->erase();
}
