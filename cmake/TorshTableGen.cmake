# SPDX-License-Identifier: Apache-2.0

# torsh_passes(Name): tablegens Passes.td of this folder into Passes.h.inc.
function(torsh_passes name)
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${name})
  add_public_tablegen_target(Torsh${name}PassesIncGen)
  add_dependencies(TorshIncGen Torsh${name}PassesIncGen)
endfunction()
