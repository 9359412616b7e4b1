// SPDX-License-Identifier: Apache-2.0
// The passes of the kernels phase, in order.

#include "mlir/Pass/PassManager.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"

using namespace mlir;

void torsh::buildKernelsPhase(OpPassManager &pm, const KernelsPhaseOptions &options) {
  MergeSiblingProductsPassOptions siblings;
  siblings.strategy = options.strategy;
  pm.addPass(createMergeSiblingProductsPass(siblings));
  SplitDepthPassOptions depth;
  depth.strategy = options.strategy;
  pm.addPass(createSplitDepthPass(depth));
  // Checks before groups: outlining hides the operations that need them.
  pm.addPass(createInsertExtentChecksPass());
  FormGroupsPassOptions groups;
  groups.strategy = options.strategy;
  groups.maxSize = options.maxSize;
  groups.choices.assign(options.choices.begin(), options.choices.end());
  pm.addPass(createFormGroupsPass(groups));
  pm.addPass(createOutlineKernelsPass());
  pm.addPass(createMergeEqualKernelsPass());
  pm.addPass(createVerifyKernelsPass());
}
