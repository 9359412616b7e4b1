// SPDX-License-Identifier: Apache-2.0
// The phase `device`. This file calls passes and holds no logic of its own.

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Transforms/Passes.h"
#include "torshjit/GPU/Passes.h"
#include "torshjit/Target/Passes.h"

using namespace mlir;

void mlir::torsh::gpu::buildDevicePhase(OpPassManager &pm, const DeviceTraits &traits) {
  pm.addNestedPass<func::FuncOp>(createSelectSchedules(traits));
  pm.addPass(createLowerKernels(traits));
  OpPassManager &module = pm.nest<::mlir::gpu::GPUModuleOp>();
  module.addPass(createLowerAffinePass());
  module.addPass(createCanonicalizerPass());
  module.addPass(createCSEPass());
  // What rows and columns contribute to an address does not change along the depth.
  module.addPass(createLoopInvariantCodeMotionPass());
  VerifyDialectsPassOptions contract;
  contract.phase = kDevicePhase.name.str();
  contract.dialects = {"arith", "gpu",    "math", "memref", "scf",
                       "ub",    "vector", "llvm", "nvgpu",  "nvvm"};
  pm.addPass(createVerifyDialectsPass(contract));
}
