// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_TARGET_PASSES_TD
#define TORSH_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyDialectsPass : Pass<"torsh-verify-dialects", "::mlir::ModuleOp"> {
  let summary = "Fails where a kernel holds an operation of another dialect";
  let description = [{
    The contract of a target's phase: which dialects are left. Kernels hold no
    tensors any more. With `host`, functions that are no kernels are left alone;
    without, there may be none.
  }];
  let options = [
    Option<"phase", "phase", "std::string", "\"\"", "The phase, for the message">,
    ListOption<"dialects", "dialects", "std::string", "The dialects that are allowed">,
    Option<"host", "host", "bool", "false", "Whether the host function is still there">];
}

#endif // TORSH_TARGET_PASSES_TD
