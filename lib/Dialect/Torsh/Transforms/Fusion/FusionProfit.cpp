// SPDX-License-Identifier: Apache-2.0
// Which legal merges pay. Every merge of groups that share a value saves the
// bytes of reading it, and of writing it if nothing else needs it; what can
// outweigh that is here.

#include "FusionRules.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace mlir::torsh;

/// More inputs than this need more address registers than the machines have.
static constexpr size_t kMaxInputs = 32;

/// A reduction to fewer rows than this does not occupy the threads of a
/// machine...
static constexpr int64_t kFewRows = 8;
/// ...which matters if it has at least so many elements.
static constexpr int64_t kManyElements = 1 << 15;
/// Elementwise work per element that is dear enough to be kept on all threads.
static constexpr int64_t kDearElement = 8;

std::optional<FusionRules> mlir::torsh::getFusionRules(StringRef strategy, int64_t maxSize) {
  // name, fuses, fusesWidely, foldsIndexMaps, reducesAnyAxes, recomputes,
  // fusesSiblings
  static const FusionRules table[] = {
      {"none", false, false, false, false, false, false},
      {"conservative", true, false, false, false, false, false},
      {"default", true, true, true, false, false, false},
      {"aggressive", true, true, true, true, true, true},
      // All that a kernel can be, and nothing that pays but what a choice says.
      {"custom", false, true, true, true, false, false},
  };
  for (FusionRules rules : table)
    if (rules.name == strategy) {
      rules.maxSize = maxSize;
      return rules;
    }
  return std::nullopt;
}

bool mlir::torsh::foldsMovements(StringRef strategy) {
  std::optional<FusionRules> rules = getFusionRules(strategy, /*maxSize=*/1);
  return rules && rules->fuses && rules->foldsIndexMaps;
}

/// The number of distinct tensors that the two groups read as one.
static size_t countInputs(const FusionGraph &graph, unsigned first, unsigned second) {
  llvm::SmallPtrSet<void *, 16> inputs;
  for (unsigned group : {first, second})
    for (unsigned member : graph.getGroup(group).members)
      for (Value operand : graph.getNode(member).op->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        if (!isa<RankedTensorType>(operand.getType()) || isCopiedConstant(producer))
          continue;
        std::optional<unsigned> node = producer ? graph.lookup(producer) : std::nullopt;
        if (!node || (graph.getNode(*node).group != first && graph.getNode(*node).group != second))
          inputs.insert(operand.getAsOpaquePointer());
      }
  return inputs.size();
}

/// The conservative strategy: values with one use, and behind a contraction
/// only operands that are smaller than its result, such as a bias.
static std::optional<std::string> checkConservative(const FusionGraph &graph, unsigned first,
                                                    unsigned second) {
  for (auto [source, reader] : graph.getEdges(first, second))
    if (graph.getNode(source).isReturned || graph.getNode(source).consumers.size() > 1)
      return "result has other uses";
  const FusionGroup &before = graph.getGroup(first), &after = graph.getGroup(second);
  if (!before.anchor && !after.anchor)
    return std::nullopt;
  if (!before.anchor)
    return "strategy conservative fuses only bias and activation behind a "
           "contraction";
  for (unsigned member : after.members)
    for (Value operand : graph.getNode(member).op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      std::optional<unsigned> node = producer ? graph.lookup(producer) : std::nullopt;
      bool isInside =
          node && (graph.getNode(*node).group == first || graph.getNode(*node).group == second);
      if (!isInside && tensorTypeOf(operand).getShape() == ArrayRef(before.shape))
        return "strategy conservative fuses only bias and activation behind a "
               "contraction";
    }
  return std::nullopt;
}

/// A kernel that reduces runs one row per thread; elementwise operations of
/// their own kernel run on all threads.
static std::optional<std::string> checkParallelism(const FusionGraph &graph, unsigned first,
                                                   unsigned second, const MergePlan &plan) {
  const FusionGroup &before = graph.getGroup(first), &after = graph.getGroup(second);
  if (!before.numReductions == !after.numReductions && !plan.broadcastsBack)
    return std::nullopt;
  const FusionGroup &reduction = before.numReductions ? before : after;
  const FusionGroup &other = before.numReductions ? after : before;
  int64_t rows = 1, elements = 1;
  for (auto [axis, extent] : llvm::enumerate(reduction.shape)) {
    if (ShapedType::isDynamic(extent))
      return std::nullopt;
    elements *= extent;
    if (!llvm::is_contained(reduction.axes, static_cast<int64_t>(axis)))
      rows *= extent;
  }
  if (rows >= kFewRows || elements < kManyElements || plan.firstIsReduced || plan.secondIsReduced)
    return std::nullopt;
  int64_t cost = 0;
  for (unsigned member : other.members)
    if (auto op = dyn_cast<ElementwiseOpInterface>(graph.getNode(member).op))
      cost += op.getElementCost();
  if (plan.broadcastsBack || cost > kDearElement)
    return "reduction to " + std::to_string(rows) +
           " rows would leave elementwise work to as few threads";
  return std::nullopt;
}

static int64_t bytesOf(Value value) {
  RankedTensorType type = tensorTypeOf(value);
  return type.getNumElements() * std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
}

/// Work on weights is done once where it has a kernel of its own (torsh-mark-once). That pays
/// unless calls would read more for it; a movement alone is how they read.
static std::optional<std::string> checkFixed(const FusionGraph &graph, unsigned first,
                                             unsigned second) {
  const FusionGroup &before = graph.getGroup(first), &after = graph.getGroup(second);
  auto isFixed = [&](unsigned member) { return graph.getNode(member).isFixed; };
  if (!before.numElementwise && !before.numReductions && !before.anchor)
    return std::nullopt;
  if (!llvm::all_of(before.members, isFixed) || llvm::all_of(after.members, isFixed))
    return std::nullopt;
  llvm::SmallPtrSet<void *, 16> read, written;
  int64_t bytesRead = 0, bytesWritten = 0;
  for (unsigned member : before.members)
    for (Value operand : graph.getNode(member).op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      std::optional<unsigned> node = producer ? graph.lookup(producer) : std::nullopt;
      bool isInside = node && graph.getNode(*node).group == first;
      if (isa<RankedTensorType>(operand.getType()) && !isInside &&
          read.insert(operand.getAsOpaquePointer()).second)
        bytesRead += bytesOf(operand);
    }
  for (auto [source, reader] : graph.getEdges(first, second))
    for (Value result : graph.getNode(source).op->getResults())
      if (written.insert(result.getAsOpaquePointer()).second)
        bytesWritten += bytesOf(result);
  if (bytesWritten > bytesRead)
    return std::nullopt;
  return "is the same at every call, and computed once";
}

std::optional<std::string> mlir::torsh::findLoss(const FusionGraph &graph, unsigned first,
                                                 unsigned second, const FusionRules &rules,
                                                 const MergePlan &plan) {
  if (!rules.fuses)
    return "strategy " + rules.name.str();
  if (!rules.fusesWidely)
    if (auto reason = checkConservative(graph, first, second))
      return reason;
  if (auto reason = checkFixed(graph, first, second))
    return reason;
  if (auto reason = checkParallelism(graph, first, second, plan))
    return reason;
  if (size_t inputs = countInputs(graph, first, second); inputs > kMaxInputs)
    return "kernel would read " + std::to_string(inputs) + " tensors";
  return std::nullopt;
}
