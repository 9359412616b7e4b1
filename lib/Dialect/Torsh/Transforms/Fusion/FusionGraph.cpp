// SPDX-License-Identifier: Apache-2.0
// The graph of fusion and its order.

#include "FusionGraph.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh;

/// How many groups a search looks at before it gives up: bounds the time of
/// forming groups to something near linear in the size of the graph.
static constexpr size_t kSearchLimit = 2000;

/// The largest constant, in elements, that is copied into kernels.
static constexpr int64_t kCopiedConstantElements = 16;

Role mlir::torsh::getRole(Operation *op) {
  if (isa<ElementwiseOpInterface>(op))
    return Role::Elementwise;
  return llvm::TypeSwitch<Operation *, Role>(op)
      .Case<SumOp, ProdOp, AmaxOp, AminOp, AnyOp, AllOp, MeanOp>(
          [](auto) { return Role::Reduction; })
      .Case<MatmulOp, LinearOp>([](auto) { return Role::Contraction; })
      .Case<ConvOp>([](auto) { return Role::Convolution; })
      .Case<MaxPoolOp, AvgPoolOp>([](auto) { return Role::Pool; })
      .Case<ArgmaxOp, ArgminOp>([](auto) { return Role::ArgReduction; })
      .Case<PermuteOp, SliceOp, BroadcastOp, IotaOp>([](auto) { return Role::IndexMap; })
      .Case<GatherOp, TakeAlongAxisOp>([](auto) { return Role::IndexMap; })
      .Case<ConcatOp, PadOp, ScatterOp, PutAlongAxisOp, ScanOp, RankOp>(
          [](auto) { return Role::Movement; })
      .Case<ReshapeOp>([](auto) { return Role::View; })
      .Default([](Operation *) { return Role::Opaque; });
}

bool mlir::torsh::isHostStep(Operation *op) { return isa<AssertOp, HostCallOp>(op); }

bool mlir::torsh::isOrderedHostStep(Operation *op) {
  auto call = dyn_cast<HostCallOp>(op);
  return isa<AssertOp>(op) || (call && !call.getPure());
}

bool mlir::torsh::isCopiedConstant(Operation *op) {
  auto constant = dyn_cast_if_present<ConstantOp>(op);
  if (!constant)
    return false;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  return elements && (elements.isSplat() || elements.getNumElements() <= kCopiedConstantElements);
}

ArrayRef<int64_t> mlir::torsh::getReducedAxes(Operation *reduction) {
  return llvm::TypeSwitch<Operation *, ArrayRef<int64_t>>(reduction)
      .Case<SumOp, ProdOp, AmaxOp, AminOp, AnyOp, AllOp, MeanOp>(
          [](auto op) { return op.getAxes(); });
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

FusionGraph::FusionGraph(Block &block) {
  std::optional<unsigned> lastHostStep;
  for (Operation &op : block) {
    if (!isa_and_present<TorshDialect>(op.getDialect()) || op.hasTrait<OpTrait::ConstantLike>() ||
        (op.getNumResults() == 0 && !isHostStep(&op)) || isa<LaunchOp>(op))
      continue;
    unsigned number = nodes.size();
    nodeOf[&op] = number;
    FusionNode node;
    node.op = &op;
    node.role = getRole(&op);
    node.group = number;
    FusionGroup group;
    group.order = number;
    group.members.push_back(number);
    ArrayRef<int64_t> shape;
    if (op.getNumResults())
      shape = tensorTypeOf(op.getResult(0)).getShape();
    if (node.role == Role::Reduction) {
      shape = tensorTypeOf(op.getOperand(0)).getShape();
      group.axes.assign(getReducedAxes(&op).begin(), getReducedAxes(&op).end());
      group.numReductions = 1;
      node.isReduced = true;
    }
    group.shape.assign(shape.begin(), shape.end());
    if (isAnchor(node.role))
      group.anchor = number;
    group.numElementwise = node.role == Role::Elementwise;
    auto addProducer = [&](unsigned producer) {
      if (llvm::is_contained(node.producers, producer))
        return;
      node.producers.push_back(producer);
      nodes[producer].consumers.push_back(number);
    };
    // As isFixed says of a result, without going back to the arguments each time.
    node.isFixed =
        !isa<HostCallOp>(op) && isPure(&op) && llvm::all_of(op.getResultTypes(), [](Type type) {
          return cast<RankedTensorType>(type).hasStaticShape();
        });
    for (Value operand : op.getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (auto known = producer ? nodeOf.find(producer) : nodeOf.end(); known != nodeOf.end()) {
        addProducer(known->second);
        node.isFixed &= nodes[known->second].isFixed;
      } else {
        node.isFixed = node.isFixed && torsh::isFixed(operand);
      }
    }
    if (isOrderedHostStep(&op)) {
      if (lastHostStep)
        addProducer(*lastHostStep);
      lastHostStep = number;
    }
    nodes.push_back(std::move(node));
    groups.push_back(std::move(group));
  }
  for (FusionNode &node : nodes)
    for (Operation *user : node.op->getUsers())
      node.isReturned |= !nodeOf.contains(user) && !isa<tensor::DimOp>(user);
  stamps.assign(groups.size(), 0);
}

std::optional<unsigned> FusionGraph::lookup(Operation *op) const {
  auto known = nodeOf.find(op);
  return known == nodeOf.end() ? std::nullopt : std::optional<unsigned>(known->second);
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

SmallVector<unsigned> FusionGraph::getOutputs(unsigned first, unsigned second) const {
  SmallVector<unsigned> outputs;
  SmallVector<unsigned, 2> both{first};
  if (second != first)
    both.push_back(second);
  for (unsigned group : both) {
    for (unsigned member : groups[group].members) {
      const FusionNode &node = nodes[member];
      if (node.isReturned || llvm::any_of(node.consumers, [&](unsigned consumer) {
            return nodes[consumer].group != first && nodes[consumer].group != second;
          }))
        outputs.push_back(member);
    }
  }
  return outputs;
}

SmallVector<std::pair<unsigned, unsigned>> FusionGraph::getEdges(unsigned producer,
                                                                 unsigned consumer) const {
  SmallVector<std::pair<unsigned, unsigned>> edges;
  for (unsigned member : groups[consumer].members)
    for (unsigned source : nodes[member].producers)
      if (nodes[source].group == producer)
        edges.push_back({source, member});
  return edges;
}

void FusionGraph::visitGroups(unsigned start, unsigned other, bool forward, unsigned bound,
                              SmallVectorImpl<unsigned> &visited, bool &meetsOther) {
  ++stamp;
  stamps[start] = stamp;
  SmallVector<unsigned> worklist{start};
  while (!worklist.empty()) {
    unsigned group = worklist.pop_back_val();
    for (unsigned member : groups[group].members)
      for (unsigned next : forward ? nodes[member].consumers : nodes[member].producers) {
        unsigned nextGroup = nodes[next].group;
        if (nextGroup == other) {
          // A direct edge between the two is what a merge is about.
          meetsOther |= group != start;
          continue;
        }
        unsigned order = groups[nextGroup].order;
        if (stamps[nextGroup] == stamp || (forward ? order > bound : order < bound))
          continue;
        stamps[nextGroup] = stamp;
        visited.push_back(nextGroup);
        worklist.push_back(nextGroup);
      }
    if (meetsOther || visited.size() > kSearchLimit) {
      meetsOther = true;
      return;
    }
  }
}

bool FusionGraph::hasPathAround(unsigned first, unsigned second) {
  behindFirst.clear();
  beforeSecond.clear();
  bool found = false;
  visitGroups(first, second, /*forward=*/true, groups[second].order, behindFirst, found);
  if (!found)
    visitGroups(second, first, /*forward=*/false, groups[first].order, beforeSecond, found);
  return found;
}

//===----------------------------------------------------------------------===//
// Merging
//===----------------------------------------------------------------------===//

void FusionGraph::merge(unsigned first, unsigned second, bool firstIsReduced,
                        bool secondIsReduced) {
  // The affected groups share out the positions they had: what leads to
  // `second` goes first, then the merged group, then what `first` leads to.
  SmallVector<unsigned> positions{groups[first].order, groups[second].order};
  for (unsigned group : behindFirst)
    positions.push_back(groups[group].order);
  for (unsigned group : beforeSecond)
    positions.push_back(groups[group].order);
  llvm::sort(positions);
  auto byOrder = [&](unsigned lhs, unsigned rhs) { return groups[lhs].order < groups[rhs].order; };
  llvm::sort(beforeSecond, byOrder);
  llvm::sort(behindFirst, byOrder);
  for (auto [group, position] : llvm::zip(beforeSecond, positions))
    groups[group].order = position;
  groups[first].order = positions[beforeSecond.size()];
  ArrayRef<unsigned> tail = ArrayRef(positions).take_back(behindFirst.size());
  for (auto [group, position] : llvm::zip_equal(behindFirst, tail))
    groups[group].order = position;

  FusionGroup &into = groups[first];
  FusionGroup &from = groups[second];
  auto mark = [&](FusionGroup &group, bool isReduced) {
    if (isReduced)
      for (unsigned member : group.members)
        nodes[member].isReduced = true;
  };
  mark(into, firstIsReduced);
  mark(from, secondIsReduced);
  // The iteration space is that of the part that has an anchor or reductions,
  // and otherwise of the part that computes elements.
  bool takesShape = from.anchor || (from.numReductions && !into.numReductions) ||
                    (!into.anchor && !into.numReductions && !into.numElementwise);
  if (takesShape) {
    into.shape = std::move(from.shape);
    into.axes = std::move(from.axes);
  }
  if (from.anchor)
    into.anchor = from.anchor;
  into.numReductions += from.numReductions;
  into.numElementwise += from.numElementwise;
  for (unsigned member : from.members)
    nodes[member].group = first;
  SmallVector<unsigned, 4> members(into.members.size() + from.members.size());
  std::merge(into.members.begin(), into.members.end(), from.members.begin(), from.members.end(),
             members.begin());
  into.members = std::move(members);
  from = FusionGroup();
}
