// SPDX-License-Identifier: Apache-2.0
// This machine's processor as a target.

#ifndef TORSHJIT_TARGET_CPU_CPUTARGET_H
#define TORSHJIT_TARGET_CPU_CPUTARGET_H

#include "torshjit/Target/Target.h"

namespace mlir::torsh::cpu {

std::unique_ptr<Target> createTarget();

} // namespace mlir::torsh::cpu

#endif // TORSHJIT_TARGET_CPU_CPUTARGET_H
