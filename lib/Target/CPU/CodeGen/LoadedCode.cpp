// SPDX-License-Identifier: Apache-2.0
// Machine code loaded into this process by ORC.

#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

using namespace mlir::torsh::cpu;

LoadedCode::LoadedCode() = default;
LoadedCode::~LoadedCode() = default;

llvm::Expected<std::unique_ptr<LoadedCode>> LoadedCode::load(ArrayRef<std::string> objects) {
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  // The C library's mathematics.
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      (*jit)->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  (*jit)->getMainJITDylib().addGenerator(std::move(*process));
  for (const std::string &object : objects)
    if (llvm::Error error =
            (*jit)->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object, "kernel")))
      return std::move(error);
  std::unique_ptr<LoadedCode> loaded(new LoadedCode());
  loaded->jit = std::move(*jit);
  return loaded;
}

llvm::Expected<uint64_t> LoadedCode::lookup(llvm::StringRef name) {
  auto address = jit->lookup(name);
  if (!address)
    return address.takeError();
  return address->getValue();
}
