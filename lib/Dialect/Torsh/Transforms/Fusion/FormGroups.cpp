// SPDX-License-Identifier: Apache-2.0
// Forms fusion groups: greedily, each operation with what it reads.

#include "DuplicateProducers.h"
#include "FusionRules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/FusionReport.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"

namespace mlir::torsh {
#define GEN_PASS_DEF_FORMGROUPSPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// After the first sweep a merge can make another one possible; more sweeps
/// than this find next to nothing.
static constexpr int kMaxSweeps = 4;

namespace {

/// Bytes of tensors, a `?` counting as 1.
struct ByteCount {
  int64_t bytes = 0;
  bool isDynamic = false;

  void add(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type)
      return;
    int64_t size = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    for (int64_t extent : type.getShape())
      size *= ShapedType::isDynamic(extent) ? 1 : extent;
    isDynamic |= !type.hasStaticShape();
    bytes += size;
  }
};

/// Forms the groups of one block.
class GroupFormer {
public:
  GroupFormer(Block &block, const FusionRules &rules) : block(block), rules(rules), graph(block) {}

  void run() {
    for (unsigned node = 0; node < graph.getNodes().size(); ++node)
      while (fuseProducers(node))
        ;
    if (rules.fusesSiblings)
      fuseSiblings();
    for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
      bool changed = false;
      for (unsigned node = 0; node < graph.getNodes().size(); ++node)
        changed |= fuseProducers(node);
      if (!changed)
        break;
    }
    // Movements that no elementwise operation has read by now.
    if (!rules.foldsIndexMaps)
      return;
    rules.joinsMovements = true;
    for (unsigned node = 0; node < graph.getNodes().size(); ++node)
      if (isa<PermuteOp>(graph.getNode(node).op) && graph.groupOf(node).members.size() == 1)
        fuseProducers(node);
    rules.joinsMovements = false;
  }

  /// Numbers the groups from `firstNumber` on, sets the attributes, and appends
  /// to the report; returns the next number.
  int64_t annotate(int64_t firstNumber, FusionReport &report) {
    llvm::DenseMap<Operation *, unsigned> groupOf;
    for (const FusionNode &node : graph.getNodes())
      if (!isHostStep(node.op) &&
          (node.role != Role::View || graph.getGroup(node.group).members.size() > 1))
        groupOf[node.op] = node.group;
    SmallVector<ReportedEdge> edges = collectEdges(groupOf);
    duplicateProducers(graph, rules, groupOf);
    llvm::DenseMap<unsigned, int64_t> numbers;
    Builder builder(block.getParentOp()->getContext());
    for (Operation &op : block) {
      auto known = groupOf.find(&op);
      if (known == groupOf.end())
        continue;
      auto [number, isNew] =
          numbers.try_emplace(known->second, firstNumber + static_cast<int64_t>(numbers.size()));
      if (isNew)
        report.groups.emplace_back();
      op.setAttr("torsh.group", builder.getI64IntegerAttr(number->second));
      describe(&op, groupOf, report.groups[number->second]);
    }
    report.unfused.insert(report.unfused.end(), edges.begin(), edges.end());
    return firstNumber + numbers.size();
  }

private:
  /// Merges the group of `node` with those of its producers; whether any was.
  bool fuseProducers(unsigned node) {
    // The largest value first: it saves most. Of equal ones the latest, which
    // is the likeliest to be in cache.
    SmallVector<unsigned, 2> producers = graph.getNode(node).producers;
    llvm::erase_if(producers,
                   [&](unsigned producer) { return isHostStep(graph.getNode(producer).op); });
    auto bytes = [&](unsigned producer) {
      ByteCount count;
      count.add(graph.getNode(producer).op->getResult(0));
      return count.bytes;
    };
    llvm::sort(producers, [&](unsigned lhs, unsigned rhs) {
      return std::pair(bytes(lhs), lhs) > std::pair(bytes(rhs), rhs);
    });
    bool changed = false;
    for (unsigned producer : producers)
      changed |= tryMerge(graph.getNode(producer).group, graph.getNode(node).group,
                          &reasons[{producer, node}]);
    return changed;
  }

  /// Merges elementwise operations and reductions that read the same value.
  void fuseSiblings() {
    for (const FusionNode &node : graph.getNodes()) {
      std::optional<unsigned> previous;
      for (unsigned consumer : node.consumers) {
        const FusionGroup &group = graph.groupOf(consumer);
        Role role = graph.getNode(consumer).role;
        // The shared value proves that '?' extents agree.
        if ((role != Role::Elementwise && role != Role::Reduction) || group.anchor ||
            ArrayRef(group.shape) != tensorTypeOf(node.op->getResult(0)).getShape())
          continue;
        if (previous) {
          unsigned lhs = graph.getNode(*previous).group, rhs = graph.getNode(consumer).group;
          if (graph.getGroup(lhs).order > graph.getGroup(rhs).order)
            std::swap(lhs, rhs);
          tryMerge(lhs, rhs, /*reason=*/nullptr);
        }
        previous = consumer;
      }
    }
  }

  bool tryMerge(unsigned first, unsigned second, std::string *reason) {
    if (first == second)
      return false;
    MergePlan plan;
    std::optional<bool> choice = findChoice(graph, first, second, rules);
    std::optional<std::string> refusal;
    if (choice && !*choice)
      refusal = "a fusion rule of the program keeps them apart";
    if (!refusal)
      refusal = findIllegality(graph, first, second, rules, plan);
    if (!refusal && !choice)
      refusal = findLoss(graph, first, second, rules, plan);
    if (!refusal && graph.hasPathAround(first, second))
      refusal = "a value would leave the kernel and come back through another";
    if (refusal) {
      if (reason)
        *reason = std::move(*refusal);
      return false;
    }
    graph.merge(first, second, plan.firstIsReduced, plan.secondIsReduced);
    return true;
  }

  static ReportedOp reportOp(Operation *op) {
    return {op->getName().getStringRef().str(), describeLocation(op->getLoc())};
  }

  SmallVector<ReportedEdge> collectEdges(const llvm::DenseMap<Operation *, unsigned> &groupOf) {
    SmallVector<ReportedEdge> edges;
    for (auto [number, node] : llvm::enumerate(graph.getNodes()))
      for (unsigned producer : node.producers)
        if (graph.getNode(producer).group != node.group && !isHostStep(node.op) &&
            !isHostStep(graph.getNode(producer).op))
          edges.push_back({reportOp(graph.getNode(producer).op), reportOp(node.op),
                           reasons[{producer, static_cast<unsigned>(number)}]});
    return edges;
  }

  /// Adds an operation to the description of its group.
  void describe(Operation *op, const llvm::DenseMap<Operation *, unsigned> &groupOf,
                ReportedGroup &group) {
    unsigned own = groupOf.lookup(op);
    auto isOutside = [&](Operation *other) {
      auto known = groupOf.find(other);
      return known == groupOf.end() || known->second != own;
    };
    group.ops.push_back(reportOp(op));
    ByteCount unfused, fused;
    llvm::SmallDenseSet<Value> &seen = readBy[own];
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (isCopiedConstant(producer))
        continue;
      unfused.add(operand);
      if ((!producer || isOutside(producer)) && seen.insert(operand).second)
        fused.add(operand);
    }
    for (Value result : op->getResults()) {
      unfused.add(result);
      if (llvm::any_of(op->getUsers(), isOutside))
        fused.add(result);
    }
    group.bytesBefore += unfused.bytes;
    group.bytesAfter += fused.bytes;
    group.isDynamic |= unfused.isDynamic;
  }

  Block &block;
  FusionRules rules;
  FusionGraph graph;
  llvm::DenseMap<std::pair<unsigned, unsigned>, std::string> reasons;
  llvm::DenseMap<unsigned, llvm::SmallDenseSet<Value>> readBy;
};

class FormGroupsPass : public torsh::impl::FormGroupsPassBase<FormGroupsPass> {
public:
  using FormGroupsPassBase::FormGroupsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<FusionRules> rules = getFusionRules(strategy, maxSize);
    if (!rules) {
      module.emitError("fusion strategy must be none, conservative, default, "
                       "aggressive or custom, got '")
          << strategy << "'";
      return signalPassFailure();
    }
    if (maxSize < 1) {
      module.emitError("max_fusion_size must be at least 1, got ") << maxSize.getValue();
      return signalPassFailure();
    }
    for (const std::string &text : choices) {
      std::string error;
      std::optional<FusionChoice> choice = parseFusionChoice(text, &getContext(), error);
      if (!choice) {
        module.emitError(error);
        return signalPassFailure();
      }
      rules->choices.push_back(*choice);
    }
    // What is decided here is decided anew.
    FailureOr<FusionReport> known = FusionReport::load(module);
    if (failed(known))
      return signalPassFailure();
    FusionReport report;
    report.siblings = std::move(known->siblings);
    int64_t next = 0;
    for (auto func : module.getOps<func::FuncOp>()) {
      if (func.isDeclaration())
        continue;
      if (!func.getBody().hasOneBlock()) {
        func.emitError("torsh-form-groups: function @")
            << func.getSymName() << " has control flow between blocks, which kernels cannot have";
        return signalPassFailure();
      }
      GroupFormer former(func.getBody().front(), *rules);
      former.run();
      next = former.annotate(next, report);
    }
    report.store(module);
  }
};

} // namespace
