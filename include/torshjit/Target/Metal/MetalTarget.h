// SPDX-License-Identifier: Apache-2.0
// GPUs that take SPIR-V, or Metal's language made of it, as targets.

#ifndef TORSHJIT_TARGET_METAL_METALTARGET_H
#define TORSHJIT_TARGET_METAL_METALTARGET_H

#include "torshjit/Target/Target.h"

namespace mlir::torsh::metal {

/// Apple's GPUs. f64 is refused: Metal has none.
std::unique_ptr<Target> createTarget();

/// GPUs with a Vulkan 1.1 driver.
std::unique_ptr<Target> createVulkanTarget();

} // namespace mlir::torsh::metal

#endif // TORSHJIT_TARGET_METAL_METALTARGET_H
