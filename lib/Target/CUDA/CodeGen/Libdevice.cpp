// SPDX-License-Identifier: Apache-2.0
// NVIDIA's library of mathematics, linked where a kernel needs it.

#include "torshjit/Target/CUDA/CodeGen/CodeGen.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include <cstdlib>

using namespace mlir::torsh;

static constexpr llvm::StringLiteral kPrefix = "__nv_";

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

std::string cuda::findLibdevice() {
  if (const char *path = std::getenv("TORSHJIT_LIBDEVICE"); path && *path)
    return path;
  const char *toolkits[] = {std::getenv("CUDA_HOME"), std::getenv("CUDA_PATH"), "/usr/local/cuda"};
  for (const char *toolkit : toolkits) {
    if (!toolkit || !*toolkit)
      continue;
    llvm::SmallString<128> path(toolkit);
    llvm::sys::path::append(path, "nvvm", "libdevice", "libdevice.10.bc");
    if (llvm::sys::fs::exists(path))
      return path.str().str();
  }
  return "";
}

/// What a user calls `function` of libdevice: "sin of f32" for __nv_sinf.
static std::string describe(llvm::StringRef function) {
  function.consume_front(kPrefix);
  bool isSingle = function.consume_back("f");
  return (function + (isSingle ? " of f32" : " of f64")).str();
}

llvm::Error cuda::linkLibdevice(llvm::Module &module, llvm::StringRef path) {
  llvm::StringSet<> kernels;
  std::string needed;
  for (llvm::Function &function : module) {
    if (!function.isDeclaration())
      kernels.insert(function.getName());
    else if (function.getName().starts_with(kPrefix) && !function.use_empty())
      needed += (needed.empty() ? "" : ", ") + describe(function.getName());
  }
  if (needed.empty())
    return llvm::Error::success();
  if (!llvm::sys::fs::exists(path))
    return fail("there is no instruction for " + needed +
                ": it is computed by libdevice, which was not found; install the Python "
                "package nvidia-nvvm, or name the file in TORSHJIT_LIBDEVICE");
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return fail("cannot read libdevice at " + path + ": " + file.getError().message());
  // Lazily: of some five hundred functions a kernel needs a few.
  auto library = llvm::getOwningLazyBitcodeModule(std::move(*file), module.getContext());
  if (!library)
    return fail("cannot read libdevice at " + path + ": " + llvm::toString(library.takeError()));
  // It is written for all devices and says so, where the linker expects the same.
  (*library)->setTargetTriple(module.getTargetTriple());
  (*library)->setDataLayout(module.getDataLayout());
  if (llvm::Linker::linkModules(module, std::move(*library), llvm::Linker::LinkOnlyNeeded))
    return fail("cannot link libdevice from " + path);
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return !isa<llvm::Function>(value) || kernels.contains(value.getName());
  });
  // Its functions ask the compiler whether numbers below the normal range count: they do.
  module.addModuleFlag(llvm::Module::Override, "nvvm-reflect-ftz", uint32_t(0));
  return llvm::Error::success();
}
