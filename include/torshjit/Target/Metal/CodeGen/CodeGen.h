// SPDX-License-Identifier: Apache-2.0
// From the SPIR-V dialect to what devices take: binaries and Metal's text.

#ifndef TORSHJIT_TARGET_METAL_CODEGEN_CODEGEN_H
#define TORSHJIT_TARGET_METAL_CODEGEN_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::torsh::metal {

/// A SPIR-V module of one entry.
struct Shader {
  std::string entry;
  std::vector<uint32_t> words;
};

/// The modules that the phase `spirv` left, in order.
llvm::Expected<std::vector<Shader>> serializeShaders(ModuleOp module);

/// The shader as Metal's language, for Metal 2.3. SPIRV-Cross does it: its C library
/// is opened when it is first asked for, and this fails where there is none.
llvm::Expected<std::string> translateToMSL(const Shader &shader);

} // namespace mlir::torsh::metal

#endif // TORSHJIT_TARGET_METAL_CODEGEN_CODEGEN_H
