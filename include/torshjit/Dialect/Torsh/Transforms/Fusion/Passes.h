// SPDX-License-Identifier: Apache-2.0
// The kernels phase: from a graph to kernels and the functions that launch
// them.

#ifndef TORSHJIT_DIALECT_TORSH_TRANSFORMS_FUSION_PASSES_H
#define TORSHJIT_DIALECT_TORSH_TRANSFORMS_FUSION_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include <memory>
#include <string>
#include <vector>

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"

/// The options of the kernels phase.
struct KernelsPhaseOptions {
  /// none, conservative, default, aggressive or custom.
  std::string strategy = "default";
  /// The largest number of operations in a group.
  int64_t maxSize = 256;
  /// `producer->consumer=never` or `=always`.
  std::vector<std::string> choices;
};

/// Appends the passes of the kernels phase, its contract verifier last.
void buildKernelsPhase(OpPassManager &pm, const KernelsPhaseOptions &options = {});

#define GEN_PASS_REGISTRATION
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_TRANSFORMS_FUSION_PASSES_H
