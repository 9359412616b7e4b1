// SPDX-License-Identifier: Apache-2.0
// Passes that all targets use.

#ifndef TORSHJIT_TARGET_PASSES_H
#define TORSHJIT_TARGET_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Target/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "torshjit/Target/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_PASSES_H
