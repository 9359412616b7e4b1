// SPDX-License-Identifier: Apache-2.0
// From kernels of linalg operations to functions over blocks of threads.

#ifndef TORSHJIT_GPU_PASSES_H
#define TORSHJIT_GPU_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "torshjit/GPU/DeviceTraits.h"
#include "torshjit/Target/Target.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/GPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/GPU/Passes.h.inc"

namespace gpu {

/// The passes with what a target says of its device.
std::unique_ptr<Pass> createSelectSchedules(const DeviceTraits &traits);
std::unique_ptr<Pass> createLowerKernels(const DeviceTraits &traits);

/// The phase that all targets with blocks of threads begin with.
inline constexpr Phase kDevicePhase = {
    "device", "every kernel is gpu functions over blocks and threads, on flat memory"};
void buildDevicePhase(OpPassManager &pm, const DeviceTraits &traits);

} // namespace gpu
} // namespace mlir::torsh

#endif // TORSHJIT_GPU_PASSES_H
