// SPDX-License-Identifier: Apache-2.0
// SPIR-V binaries of the modules of a program.

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "torshjit/Target/Metal/CodeGen/CodeGen.h"

using namespace mlir;
using namespace mlir::torsh;

llvm::Expected<std::vector<metal::Shader>> metal::serializeShaders(ModuleOp module) {
  std::vector<Shader> shaders;
  for (auto shader : module.getOps<spirv::ModuleOp>()) {
    auto entries = llvm::to_vector(shader.getOps<spirv::EntryPointOp>());
    if (entries.size() != 1)
      return llvm::createStringError("a SPIR-V module has %zu entries instead of one",
                                     entries.size());
    SmallVector<uint32_t> words;
    if (failed(spirv::serialize(shader, words)))
      return llvm::createStringError("kernel '" + entries[0].getFn() +
                                     "' cannot be written as a SPIR-V binary");
    shaders.push_back({entries[0].getFn().str(), {words.begin(), words.end()}});
  }
  return shaders;
}
