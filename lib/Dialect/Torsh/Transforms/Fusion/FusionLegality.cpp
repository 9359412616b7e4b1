// SPDX-License-Identifier: Apache-2.0
// Which groups can be one kernel.
//
// A kernel has one iteration space. Its elementwise operations have the shape
// of that space; where it reduces, also that of the reduced rows. At most one
// operation, the anchor, has loops of its own: then what follows it has the
// shape of its result, and the kernel has one result.

#include "FusionRules.h"
#include "mlir/IR/TypeUtilities.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::torsh;

static std::string fullName(const FusionNode &node) {
  return node.op->getName().getStringRef().str();
}

/// Whether the group consists of index maps only.
static bool isOnlyIndexMaps(const FusionGroup &group, const FusionGraph &graph) {
  return !group.anchor && !group.numReductions && !group.numElementwise &&
         graph.getNode(group.members.front()).role == Role::IndexMap;
}

//===----------------------------------------------------------------------===//
// Movements
//===----------------------------------------------------------------------===//

/// Index maps fold into what they are read by, never behind what is computed.
static std::optional<std::string> checkIndexMaps(const FusionGraph &graph, unsigned first,
                                                 unsigned second, const FusionRules &rules) {
  const FusionGroup &maps = graph.getGroup(first), &readers = graph.getGroup(second);
  const FusionNode &map = graph.getNode(maps.members.back());
  if (!rules.foldsIndexMaps)
    return "strategy " + rules.name.str() + " does not fold movements";
  bool areJoined = rules.joinsMovements && isa<SliceOp>(map.op) &&
                   isa<PermuteOp>(graph.getNode(readers.members.front()).op);
  if (isOnlyIndexMaps(readers, graph) && !areJoined)
    return "no elementwise operation reads the two movements yet";
  for (auto [source, reader] : graph.getEdges(first, second)) {
    Role role = graph.getNode(reader).role;
    if (role != Role::Elementwise && role != Role::IndexMap)
      return fullName(graph.getNode(reader)) + " is not elementwise, so " +
             fullName(graph.getNode(source)) + " is not folded into it";
    if (readers.anchor && !isa<BroadcastOp>(graph.getNode(source).op))
      return fullName(graph.getNode(source)) + " is not folded into the group of " +
             fullName(graph.getNode(*readers.anchor));
  }
  for (unsigned output : graph.getOutputs(first, second))
    if (graph.getNode(output).group == first)
      return "result of " + fullName(map) + " has other uses";
  return std::nullopt;
}

/// A reshape that only adds and drops axes of extent 1, which kernels have none of.
static bool changesUnitAxesOnly(Operation *op) {
  auto isUnit = [](int64_t extent) { return extent == 1; };
  SmallVector<int64_t> from(tensorTypeOf(op->getOperand(0)).getShape());
  SmallVector<int64_t> to(tensorTypeOf(op->getResult(0)).getShape());
  llvm::erase_if(from, isUnit);
  llvm::erase_if(to, isUnit);
  return from == to && llvm::none_of(from, ShapedType::isDynamic);
}

/// A concatenation reads its pieces where they are slices of something: what is copied
/// once need not be copied twice.
static std::optional<std::string> checkConcat(const FusionGraph &graph, unsigned first,
                                              unsigned second, const FusionRules &rules) {
  const FusionGroup &before = graph.getGroup(first);
  const FusionNode &piece = graph.getNode(before.members.front());
  std::string name = fullName(graph.getNode(graph.getGroup(second).members.back()));
  if (!rules.foldsIndexMaps)
    return "strategy " + rules.name.str() + " does not fold movements";
  auto isSliced = [&](unsigned producer) { return isa<SliceOp>(graph.getNode(producer).op); };
  bool isView = isa<ReshapeOp>(piece.op) && changesUnitAxesOnly(piece.op) &&
                llvm::any_of(piece.producers, isSliced);
  if (before.members.size() != 1 || (!isa<SliceOp>(piece.op) && !isView))
    return fullName(piece) + " is not read by " + name + " where it lies";
  if (!graph.getOutputs(first, second).empty() &&
      graph.getNode(graph.getOutputs(first, second).front()).group == first)
    return "result of " + fullName(piece) + " has other uses";
  return std::nullopt;
}

/// Attention reads its operands by strides: also where they are slices of something wider.
static std::optional<std::string> checkAttention(const FusionGraph &graph, unsigned first,
                                                 unsigned second, const FusionRules &rules) {
  const FusionGroup &before = graph.getGroup(first);
  const FusionNode &piece = graph.getNode(before.members.front());
  if (!rules.foldsIndexMaps)
    return "strategy " + rules.name.str() + " does not fold movements";
  auto slice = dyn_cast<SliceOp>(piece.op);
  if (before.members.size() != 1 || !slice)
    return fullName(piece) + " is not read by torsh.attention where it lies";
  if (llvm::any_of(slice.getStride(), [](int64_t stride) { return stride != 1; }))
    return "torsh.attention reads no steps of torsh.slice";
  SmallVector<unsigned> outputs = graph.getOutputs(first, second);
  if (llvm::is_contained(outputs, before.members.front()))
    return "result of " + fullName(piece) + " has other uses";
  return std::nullopt;
}

/// A reshape that keeps reduced axes as extents of one, where the reduction
/// dropped them: `x - x.max(axis=1)[:, None]`.
static bool restoresReducedAxes(const FusionNode &view, const FusionGroup &reduction) {
  auto from = tensorTypeOf(view.op->getOperand(0)), to = tensorTypeOf(view.op->getResult(0));
  SmallVector<int64_t> kept, dropped;
  for (auto [axis, extent] : llvm::enumerate(reduction.shape)) {
    bool isReduced = llvm::is_contained(reduction.axes, static_cast<int64_t>(axis));
    kept.push_back(isReduced ? 1 : extent);
    if (!isReduced)
      dropped.push_back(extent);
  }
  return from.getShape() == ArrayRef(dropped) && to.getShape() == ArrayRef(kept);
}

//===----------------------------------------------------------------------===//
// Anchors
//===----------------------------------------------------------------------===//

/// A contraction, pool or argmax takes elementwise operations behind it.
static std::optional<std::string> checkAnchor(const FusionGraph &graph, unsigned first,
                                              unsigned second, const FusionRules &rules) {
  const FusionGroup &before = graph.getGroup(first), &after = graph.getGroup(second);
  auto isContraction = [&](const FusionGroup &group) {
    Role role = graph.getNode(*group.anchor).role;
    return role == Role::Contraction || role == Role::Convolution;
  };
  if (before.anchor && after.anchor) {
    if (isContraction(before) && isContraction(after))
      return "two contractions";
    return fullName(graph.getNode(*before.anchor)) + " and " +
           fullName(graph.getNode(*after.anchor)) + " each shape the loops of a kernel";
  }
  const FusionGroup &anchored = before.anchor ? before : after;
  const FusionGroup &other = before.anchor ? after : before;
  const FusionNode &anchor = graph.getNode(*anchored.anchor);
  if (other.numReductions)
    return "a reduction and " + fullName(anchor);
  if (!rules.fusesWidely && !isContraction(anchored))
    return "strategy " + rules.name.str() + " does not fuse " + fullName(anchor);
  for (auto [source, reader] : graph.getEdges(first, second))
    if (reader == *anchored.anchor)
      return fullName(graph.getNode(source)) + " would be computed once per use by " +
             fullName(anchor);
  if (other.shape != anchored.shape)
    return "shape differs from the result of " + fullName(anchor);
  SmallVector<unsigned> outputs = graph.getOutputs(first, second);
  if (outputs.size() > 1)
    return "result of " + fullName(graph.getNode(outputs.front())) + " has other uses";
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Whether a reduced value lines up with the iteration space when it broadcasts
/// back: its axes, aligned from the last, must be the rows it was reduced to.
static bool linesUp(Value reduced, const FusionGroup &reduction) {
  auto rank = static_cast<int64_t>(reduction.shape.size());
  int64_t own = tensorTypeOf(reduced).getRank();
  if (own == rank)
    return true;
  SmallVector<int64_t> rows;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(reduction.axes, axis))
      rows.push_back(axis);
  for (int64_t i = 0; i < own; ++i)
    if (rows[i] != rank - own + i)
      return false;
  return true;
}

static bool reducesLastAxes(const FusionGroup &group) {
  int64_t next = group.shape.size() - group.axes.size();
  for (int64_t axis : group.axes)
    if (axis != next++)
      return false;
  return true;
}

/// The shape of the rows, with or without the reduced axes.
static bool isShapeOfRows(ArrayRef<int64_t> shape, const FusionGroup &reduction) {
  SmallVector<int64_t> kept, dropped;
  for (auto [axis, extent] : llvm::enumerate(reduction.shape)) {
    bool isReduced = llvm::is_contained(reduction.axes, static_cast<int64_t>(axis));
    kept.push_back(isReduced ? 1 : extent);
    if (!isReduced)
      dropped.push_back(extent);
  }
  return shape == ArrayRef(kept) || shape == ArrayRef(dropped);
}

static std::optional<std::string> checkReduction(const FusionGraph &graph, unsigned first,
                                                 unsigned second, const FusionRules &rules,
                                                 MergePlan &plan) {
  const FusionGroup &before = graph.getGroup(first), &after = graph.getGroup(second);
  if (!rules.fusesWidely)
    return "strategy " + rules.name.str() + " does not fuse reductions";
  const FusionGroup &reduction = before.numReductions ? before : after;
  bool both = before.numReductions && after.numReductions;
  if (both) {
    if (before.axes != after.axes)
      return "reductions over different axes";
    if (before.shape != after.shape)
      return "reductions of different shapes";
  } else {
    const FusionGroup &other = before.numReductions ? after : before;
    if (other.shape != reduction.shape) {
      if (!isShapeOfRows(other.shape, reduction))
        return "shape is neither what is reduced nor the reduced rows";
      (before.numReductions ? plan.secondIsReduced : plan.firstIsReduced) = true;
    }
  }
  bool sharesElements = false;
  for (auto [source, reader] : graph.getEdges(first, second)) {
    const FusionNode &from = graph.getNode(source), &to = graph.getNode(reader);
    bool fromIsReduced = from.isReduced || plan.firstIsReduced;
    bool toIsReduced = (to.isReduced || plan.secondIsReduced) && to.role != Role::Reduction;
    Value value = from.op->getResult(0);
    if (!fromIsReduced) {
      sharesElements = true;
      continue;
    }
    if (toIsReduced) {
      if (tensorTypeOf(value).getShape() != tensorTypeOf(to.op->getResult(0)).getShape())
        return "reduced rows of " + fullName(from) + " are broadcast to other rows";
      continue;
    }
    if (to.role == Role::Reduction)
      return "a reduction of reduced rows";
    if (!linesUp(value, reduction))
      return "reduced rows of " + fullName(from) + " are broadcast along another axis";
    plan.broadcastsBack = true;
    sharesElements = true;
  }
  // Two reductions that meet only in their rows may run over different extents.
  if (both && !sharesElements)
    for (int64_t axis : reduction.axes)
      if (ShapedType::isDynamic(reduction.shape[axis]))
        return "reductions over '?' extents that may differ";
  if ((both || plan.broadcastsBack) && !reducesLastAxes(reduction) && !rules.reducesAnyAxes)
    return "reduction is not over the last axes";
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// All groups
//===----------------------------------------------------------------------===//

std::optional<std::string> mlir::torsh::findIllegality(const FusionGraph &graph, unsigned first,
                                                       unsigned second, const FusionRules &rules,
                                                       MergePlan &plan) {
  const FusionGroup &before = graph.getGroup(first), &after = graph.getGroup(second);
  auto isConcat = [&](const FusionGroup &group) {
    return isa<ConcatOp>(graph.getNode(group.members.back()).op);
  };
  if (static_cast<int64_t>(before.members.size() + after.members.size()) <= rules.maxSize &&
      isConcat(after) && !isConcat(before) && !isHostStep(graph.getNode(before.members[0]).op))
    return checkConcat(graph, first, second, rules);
  if (static_cast<int64_t>(before.members.size() + after.members.size()) <= rules.maxSize &&
      isa<AttentionOp>(graph.getNode(after.members.back()).op) && isOnlyIndexMaps(before, graph))
    return checkAttention(graph, first, second, rules);
  if (isConcat(before) || isConcat(after))
    return "torsh.concat is a kernel of its own";
  for (const FusionGroup *group : {&before, &after}) {
    const FusionNode &node = graph.getNode(group->members.front());
    if (group->members.size() > 1)
      continue;
    if (isHostStep(node.op))
      return fullName(node) + " is a step of the host program";
    if (node.role == Role::Movement || node.role == Role::Opaque)
      return fullName(node) + " is a kernel of its own";
    if (node.role != Role::View)
      continue;
    bool isLegal = rules.fusesWidely && group == &after && before.numReductions &&
                   restoresReducedAxes(node, before) &&
                   (reducesLastAxes(before) || rules.reducesAnyAxes) &&
                   llvm::any_of(node.consumers, [&](unsigned consumer) {
                     return graph.getNode(consumer).role == Role::Elementwise;
                   });
    if (!isLegal)
      return fullName(node) + " is a view in the host program";
    plan.secondIsReduced = true;
  }
  if (static_cast<int64_t>(before.members.size() + after.members.size()) > rules.maxSize)
    return "max_fusion_size " + std::to_string(rules.maxSize) + " reached";
  if (plan.secondIsReduced)
    return std::nullopt;
  if (isOnlyIndexMaps(before, graph))
    return checkIndexMaps(graph, first, second, rules);
  for (auto [source, reader] : graph.getEdges(first, second))
    if (graph.getNode(reader).role == Role::IndexMap)
      return "input of " + fullName(graph.getNode(reader)) + " is computed";
  if (isOnlyIndexMaps(after, graph))
    return "no elementwise operation reads the movement yet";
  if (before.anchor || after.anchor)
    return checkAnchor(graph, first, second, rules);
  if (before.numReductions || after.numReductions)
    return checkReduction(graph, first, second, rules, plan);
  if (before.shape != after.shape) {
    if (succeeded(verifyCompatibleShape(before.shape, after.shape)))
      return "a '?' extent of one is static in the other";
    return "shapes differ: what is broadcast would be computed once per use";
  }
  return std::nullopt;
}
