// SPDX-License-Identifier: Apache-2.0
// From the LLVM dialect to machine code: in this process, or as a file.

#ifndef TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H
#define TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "torshjit/Target/LLVM/GenerateCode.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace mlir::torsh::cpu {

using torsh::CodeKind;

/// Registers the code generator of this machine, once.
void initializeNativeTarget();

/// A processor to compile for.
struct Processor {
  /// `features` are those that differ from what `name` has by itself.
  std::string triple, name, features;
  /// Bits of the widest vector register that is worth using.
  int64_t vectorBits = 128;

  /// The one this process runs on.
  static const Processor &host();
};

/// A module for each kernel of a module of the LLVM dialect: its entry and what
/// that needs.
std::vector<OwningOpRef<ModuleOp>> splitKernels(ModuleOp module);

/// Compiles each module of the LLVM dialect by itself, several at a time on up to
/// `threads` threads. Returns the object files, or the texts of the other kinds.
llvm::Expected<std::vector<std::string>> generateCode(ArrayRef<OwningOpRef<ModuleOp>> kernels,
                                                      const Processor &processor, int64_t threads,
                                                      CodeKind kind = CodeKind::Object);

/// Machine code loaded into this process; lives as long as this does.
class LoadedCode {
public:
  static llvm::Expected<std::unique_ptr<LoadedCode>> load(ArrayRef<std::string> objects);
  ~LoadedCode();

  /// The address of a function.
  llvm::Expected<uint64_t> lookup(llvm::StringRef name);

private:
  LoadedCode();
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// Links object files into a shared library, in this process.
llvm::Expected<std::string> linkSharedLibrary(ArrayRef<std::string> objects);

} // namespace mlir::torsh::cpu

#endif // TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H
