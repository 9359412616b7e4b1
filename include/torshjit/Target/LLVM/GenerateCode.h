// SPDX-License-Identifier: Apache-2.0
// Kernels of the LLVM dialect through LLVM's optimiser and a code generator: what
// the targets that use LLVM share.

#ifndef TORSHJIT_TARGET_LLVM_GENERATECODE_H
#define TORSHJIT_TARGET_LLVM_GENERATECODE_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class Module;
class OptimizationLevel;
class PipelineTuningOptions;
class TargetMachine;
} // namespace llvm

namespace mlir::torsh {

/// What code generation makes of one kernel.
enum class CodeKind { Object, Assembly, LLVMIR };

/// What differs between the targets. Kernels are compiled on several threads, so
/// these are called on several at a time.
class CodeGenerator {
public:
  virtual ~CodeGenerator();
  virtual llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const = 0;
  /// Called before the optimiser, with the machine's triple and data layout in place.
  virtual llvm::Error prepare(llvm::Module &module) const = 0;
  virtual llvm::OptimizationLevel getLevel() const = 0;
  virtual void tune(llvm::PipelineTuningOptions &tuning) const {}
  /// Called after the optimiser: fails on what the code generator could not take.
  virtual llvm::Error check(const llvm::Module &module) const;
};

/// The machine of LLVM's target for `triple`, which must be registered.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(llvm::StringRef triple, llvm::StringRef processor, llvm::StringRef features);

/// Compiles each module of the LLVM dialect by itself, several at a time on up to
/// `threads` threads. Returns the object files, or the texts of the other kinds.
llvm::Expected<std::vector<std::string>> generateCode(llvm::ArrayRef<Operation *> modules,
                                                      const CodeGenerator &generator,
                                                      int64_t threads, CodeKind kind);

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_LLVM_GENERATECODE_H
