// SPDX-License-Identifier: Apache-2.0
// The graph that fusion works on: operations, and the groups they form.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONGRAPH_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONGRAPH_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir::torsh {

/// What an operation is to fusion.
enum class Role {
  Elementwise,
  Reduction,
  Contraction,
  /// A convolution: a contraction over a window.
  Convolution,
  Pool,
  ArgReduction,
  /// A movement that gives each element of its result one of its first input, at a place
  /// that follows from the position, or that other inputs say; or one of no input.
  IndexMap,
  /// A movement that is a kernel of its own.
  Movement,
  /// A reshape: a view, which the host program makes.
  View,
  /// A composite operation that was not decomposed, or one that fusion does not
  /// know: a kernel of its own.
  Opaque
};

Role getRole(Operation *op);

/// Whether the host program executes `op` itself: an assertion or a call.
bool isHostStep(Operation *op);

/// Whether `op` is a host step that keeps its place among the others like it.
bool isOrderedHostStep(Operation *op);

/// Whether an operation with this role shapes the loops of its group, and so is
/// the only one of its kind in it.
inline bool isAnchor(Role role) {
  return role == Role::Contraction || role == Role::Convolution || role == Role::Pool ||
         role == Role::ArgReduction;
}

/// A constant that is copied into each kernel that uses it.
bool isCopiedConstant(Operation *op);

inline RankedTensorType tensorTypeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The axes a reduction is over.
ArrayRef<int64_t> getReducedAxes(Operation *reduction);

/// One operation.
struct FusionNode {
  Operation *op;
  Role role;
  unsigned group;
  /// Nodes that give its operands, and that use its results, without repeats. An
  /// ordered host step also waits for the one before it.
  SmallVector<unsigned, 2> producers, consumers;
  /// Whether the function returns a result of it.
  bool isReturned = false;
  /// Whether its results are the same at every call (FixedValues.h).
  bool isFixed = false;
  /// In a reduction's group: whether the value has one element per reduced row,
  /// not one per element of the iteration space.
  bool isReduced = false;
};

/// Operations that become one kernel. `shape` is the iteration space of its
/// elementwise operations: the input of its reductions, the result of its
/// anchor.
struct FusionGroup {
  SmallVector<unsigned, 4> members;
  /// The position in a topological order of the groups.
  unsigned order;
  SmallVector<int64_t> shape;
  /// The axes its reductions are over.
  SmallVector<int64_t> axes;
  unsigned numReductions = 0;
  std::optional<unsigned> anchor;
  /// Members that compute elements; 0 in a group of index maps only.
  unsigned numElementwise = 0;
};

/// The operations of a block and their groups, kept in a topological order
/// under merging (the order of Pearce and Kelly), so that whether a merge would
/// close a cycle is answered by a search between the two groups only.
class FusionGraph {
public:
  explicit FusionGraph(Block &block);

  ArrayRef<FusionNode> getNodes() const { return nodes; }
  const FusionNode &getNode(unsigned node) const { return nodes[node]; }
  const FusionGroup &getGroup(unsigned group) const { return groups[group]; }
  const FusionGroup &groupOf(unsigned node) const { return groups[nodes[node].group]; }

  /// The node of an operation, if it has one.
  std::optional<unsigned> lookup(Operation *op) const;

  /// The members of two groups (or of one given twice) whose results something
  /// outside of both uses.
  SmallVector<unsigned> getOutputs(unsigned first, unsigned second) const;

  /// The edges from `producer` to `consumer`, as pairs of nodes.
  SmallVector<std::pair<unsigned, unsigned>> getEdges(unsigned producer, unsigned consumer) const;

  /// Whether a path leads from `first` to `second` through another group;
  /// `first` must come before `second`. Gives up, which counts as a path, after
  /// looking at a few thousand groups.
  bool hasPathAround(unsigned first, unsigned second);

  /// Makes `second` part of `first`, which comes before it; hasPathAround must
  /// have answered no just before. The elementwise members of `first`
  /// (`second`) become reduced values if `firstIsReduced` (`secondIsReduced`).
  void merge(unsigned first, unsigned second, bool firstIsReduced, bool secondIsReduced);

private:
  void visitGroups(unsigned start, unsigned other, bool forward, unsigned bound,
                   SmallVectorImpl<unsigned> &visited, bool &meetsOther);

  SmallVector<FusionNode, 0> nodes;
  SmallVector<FusionGroup, 0> groups;
  llvm::DenseMap<Operation *, unsigned> nodeOf;
  /// The last search that saw a group.
  SmallVector<unsigned, 0> stamps;
  unsigned stamp = 0;
  /// What the last search found, for merge.
  SmallVector<unsigned> behindFirst, beforeSecond;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONGRAPH_H
