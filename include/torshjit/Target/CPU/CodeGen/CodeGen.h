// SPDX-License-Identifier: Apache-2.0
// From the LLVM dialect to machine code: in this process, or as a file.

#ifndef TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H
#define TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace llvm {
class Module;
namespace orc {
class LLJIT;
} // namespace orc
} // namespace llvm

namespace mlir::torsh::cpu {

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

/// Compiles a module of the LLVM dialect to an object file in memory.
/// `llvmIR`, if given, receives the optimised LLVM IR as text, `assembly` the
/// assembly.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compileToObject(ModuleOp module, const Processor &processor, std::string *llvmIR = nullptr,
                std::string *assembly = nullptr);

/// Machine code loaded into this process; lives as long as this does.
class LoadedObject {
public:
  static llvm::Expected<std::unique_ptr<LoadedObject>>
  load(std::unique_ptr<llvm::MemoryBuffer> object);
  ~LoadedObject();

  /// The address of a function.
  llvm::Expected<uint64_t> lookup(llvm::StringRef name);

private:
  LoadedObject();
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

/// Links an object file into a shared library, in this process.
llvm::Expected<std::string> linkSharedLibrary(llvm::MemoryBufferRef object);

} // namespace mlir::torsh::cpu

#endif // TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H
