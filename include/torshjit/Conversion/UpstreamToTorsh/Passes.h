// SPDX-License-Identifier: Apache-2.0
// The pass that imports MLIR's own dialects: creation and registration.

#ifndef TORSHJIT_CONVERSION_UPSTREAMTOTORSH_PASSES_H
#define TORSHJIT_CONVERSION_UPSTREAMTOTORSH_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "torshjit/Conversion/UpstreamToTorsh/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_CONVERSION_UPSTREAMTOTORSH_PASSES_H
