// SPDX-License-Identifier: Apache-2.0
// What a strategy allows, and the two questions asked of every merge.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONRULES_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONRULES_H

#include "FusionGraph.h"
#include <optional>
#include <string>

namespace mlir::torsh {

/// Whether the results of operations of one name are to be computed in the kernels of
/// those of another that read them. `*` is any name.
struct FusionChoice {
  std::string producer, consumer;
  bool fuses;
};

/// What a fusion strategy allows.
struct FusionRules {
  StringRef name;
  /// Anything at all.
  bool fuses;
  /// Values with several uses, reductions with what is around them, residual
  /// operands of contractions, pools and argmax with what follows.
  bool fusesWidely;
  /// Movements as index maps of elementwise operations.
  bool foldsIndexMaps;
  /// Broadcast back, or several reductions, over other than the last axes.
  bool reducesAnyAxes;
  /// Cheap operations computed once per consumer.
  bool recomputes;
  /// Operations that only share an input.
  bool fusesSiblings;
  /// A slice and the permutation that alone reads it, as one kernel that moves elements once.
  bool joinsMovements = false;
  /// The largest number of operations in a group.
  int64_t maxSize = 0;
  /// What the program's author decided.
  SmallVector<FusionChoice> choices = {};
};

/// Parses `matmul->softmax=never`; reports, through `error`, what is none.
std::optional<FusionChoice> parseFusionChoice(StringRef text, MLIRContext *context,
                                              std::string &error);

/// What was decided of the operations of two names, if anything was.
std::optional<bool> findChoice(const FusionRules &rules, Operation *producer, Operation *consumer);

/// What was decided of the edges between two groups: a no counts for more than a yes.
std::optional<bool> findChoice(const FusionGraph &graph, unsigned first, unsigned second,
                               const FusionRules &rules);

/// The rules of the strategy of this name, if there is one.
std::optional<FusionRules> getFusionRules(StringRef strategy, int64_t maxSize);

/// Whether kernels of the strategy read what is moved where it lies. Not those of one that is
/// unknown, which is torsh-form-groups' to refuse.
bool foldsMovements(StringRef strategy);

/// How a merge changes what the elementwise members of the two groups compute.
struct MergePlan {
  bool firstIsReduced = false, secondIsReduced = false;
  /// Values per row are used again for every element of the row.
  bool broadcastsBack = false;
};

/// Why two groups cannot be one kernel, `first` coming before `second`, or
/// nothing, with `plan` set. Cycles apart, which the graph answers.
std::optional<std::string> findIllegality(const FusionGraph &graph, unsigned first, unsigned second,
                                          const FusionRules &rules, MergePlan &plan);

/// Why it does not pay to make one kernel of two groups that legally can be, or
/// nothing.
std::optional<std::string> findLoss(const FusionGraph &graph, unsigned first, unsigned second,
                                    const FusionRules &rules, const MergePlan &plan);

/// The short name of an operation: `add` for `torsh.add`.
inline StringRef shortName(Operation *op) { return op->getName().stripDialect(); }

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_FUSIONRULES_H
