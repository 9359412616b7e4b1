// SPDX-License-Identifier: Apache-2.0
// An object file to a shared library, by LLD in this process.

#include "lld/Common/Driver.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/raw_ostream.h"
#include <mutex>

using namespace mlir;

LLD_HAS_DRIVER(elf)

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<std::string> mlir::torsh::cpu::linkSharedLibrary(ArrayRef<std::string> objects) {
  // LLD keeps global state and reads and writes files.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<llvm::SmallString<128>> inputs(objects.size());
  std::vector<std::unique_ptr<llvm::FileRemover>> removers;
  for (auto [path, object] : llvm::zip_equal(inputs, objects)) {
    int file;
    if (std::error_code error = llvm::sys::fs::createTemporaryFile("torshjit", "o", file, path))
      return fail("cannot create a temporary file: " + error.message());
    removers.push_back(std::make_unique<llvm::FileRemover>(path));
    llvm::raw_fd_ostream stream(file, /*shouldClose=*/true);
    stream << object;
  }
  llvm::SmallString<128> output;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("torshjit", "so", output))
    return fail("cannot create a temporary file: " + error.message());
  llvm::FileRemover removeOutput(output);

  std::string messages;
  llvm::raw_string_ostream stream(messages);
  // One thread: LLD's pool does not survive a fork, and kernels are small.
  std::vector<const char *> arguments = {"ld.lld",          "--shared",    "--gc-sections",
                                         "--build-id=none", "--threads=1", "-z",
                                         "noexecstack",     "-o",          output.c_str()};
  for (const llvm::SmallString<128> &path : inputs)
    arguments.push_back(const_cast<llvm::SmallString<128> &>(path).c_str());
  lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return fail("cannot link the kernels: " + messages);
  auto library = llvm::MemoryBuffer::getFile(output, /*IsText=*/false,
                                             /*RequiresNullTerminator=*/false);
  if (!library)
    return fail("cannot read the linked kernels: " + library.getError().message());
  return (*library)->getBuffer().str();
}
