// SPDX-License-Identifier: Apache-2.0
// From the LLVM dialect to machine code: in this process, or as a file.

#ifndef TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H
#define TORSHJIT_TARGET_CPU_CODEGEN_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "torshjit/Target/LLVM/GenerateCode.h"
#include "llvm/ADT/StringSet.h"
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

/// A processor to compile for.
struct Processor {
  /// `features` are those that differ from what `name` has by itself.
  std::string triple, name, features;
  /// Bits of the widest vector register that is worth using.
  int64_t vectorBits = 128;
  /// All that it has, by LLVM's names: what `name` has and `features` change.
  llvm::StringSet<> present;
  /// What it has, or is, and the processor that this process runs on does not: where there is
  /// nothing, its code runs here.
  std::vector<std::string> missingHere;

  bool has(llvm::StringRef feature) const { return present.contains(feature); }
  /// Whether LLVM converts these from and to f32 by instructions.
  bool convertsF16() const { return getMachine() != "x86_64" || has("f16c"); }
  bool convertsBF16() const { return getMachine() != "x86_64" || has("avx512bf16"); }
  /// Whether a product and a sum are one instruction with one rounding.
  bool fusesProducts() const { return getMachine() != "x86_64" || has("fma"); }
  /// Its architecture, as `uname -m` calls it.
  llvm::StringRef getMachine() const { return llvm::StringRef(triple).split('-').first; }

  /// The one this process runs on.
  static const Processor &host();
  /// The one that LLVM calls `name`, such as x86-64-v3, znver4 or neoverse-n1; aarch64 is the
  /// plain one of its kind, and an empty name the host. Lives as long as the process.
  static llvm::Expected<const Processor *> find(llvm::StringRef name);
};

/// Bytes of the caches of one core.
struct CacheSizes {
  int64_t level1 = 32 << 10, level2 = 1 << 20;

  /// Those of this machine, as far as it tells.
  static const CacheSizes &host();
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
