// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_COMPILER_PASSES_TD
#define TORSH_COMPILER_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyPhasePass : Pass<"torsh-verify-phase", "::mlir::ModuleOp"> {
  let summary = "Fails where the module breaks the contract of a phase";
  let description = [{
    After `graph` no composite operation is left that is to be decomposed, and no
    tensor is larger than what a process can address (2^47 bytes). After
    `linalg` kernels hold linalg on tensors. The contract of `kernels` is
    `torsh-verify-kernels`, those of the targets' phases `torsh-verify-dialects`.
  }];
  let options = [Option<"phase", "phase", "std::string", "\"graph\"", "The phase to check">];
}

#endif // TORSH_COMPILER_PASSES_TD
