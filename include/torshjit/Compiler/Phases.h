// SPDX-License-Identifier: Apache-2.0
// The phases of a compilation. Everything that speaks of phases reads this table.

#ifndef TORSHJIT_COMPILER_PHASES_H
#define TORSHJIT_COMPILER_PHASES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "torshjit/Compiler/Options.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::torsh {

/// One phase: its name, what holds after it, and the passes that make it so.
struct Phase {
  llvm::StringLiteral name;
  llvm::StringLiteral sentence;
  void (*build)(OpPassManager &pm, const CompileOptions &options);
};

/// The phases in order. The last of them leaves the LLVM dialect.
llvm::ArrayRef<Phase> getPhases();

/// The position of the phase called `name`, or nothing.
std::optional<size_t> findPhase(llvm::StringRef name);

/// Runs the phases after `from` up to and including `to` (positions in the
/// table; `from` = -1 runs from the start). Fails on any reported error.
LogicalResult runPhases(ModuleOp module, int64_t from, size_t to, const CompileOptions &options);

/// Registers a pipeline `torsh-phase-<name>` for every phase.
void registerPhasePipelines();

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_PHASES_H
