// SPDX-License-Identifier: Apache-2.0
// Producers that are cheaper to have in each consumer's group than to store.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_DUPLICATEPRODUCERS_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_DUPLICATEPRODUCERS_H

#include "FusionRules.h"

namespace mlir::torsh {

/// Copies every operation that is alone in its group, and that each group that
/// reads it can compute itself, into those groups, and erases it: broadcasts
/// and iota, with `rules.recomputes` also cheap elementwise operations.
/// `groupOf` maps operations to groups and follows. Closes no cycle: what the
/// copies depend on, the groups depended on before.
void duplicateProducers(const FusionGraph &graph, const FusionRules &rules,
                        llvm::DenseMap<Operation *, unsigned> &groupOf);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_DUPLICATEPRODUCERS_H
