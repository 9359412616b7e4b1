// SPDX-License-Identifier: Apache-2.0
// The phases of a compilation. Everything that speaks of phases reads this table.

#ifndef TORSHJIT_COMPILER_PHASES_H
#define TORSHJIT_COMPILER_PHASES_H

#include "torshjit/Target/Target.h"

namespace mlir::torsh {

/// The phases on the way to `target`, in order: those that all targets share, then
/// its own.
SmallVector<Phase> getPhases(const Target &target);

/// How many phases all targets share. The host program is read off after them.
size_t getNumSharedPhases();

/// The position of the phase called `name`, or nothing.
std::optional<size_t> findPhase(const Target &target, llvm::StringRef name);

/// Adds the passes of the phase at a position.
void buildPhase(const Target &target, size_t position, OpPassManager &pm,
                const CompileOptions &options);

/// Runs the phases after `from` up to and including `to` (positions in the
/// table; `from` = -1 runs from the start). Fails on any reported error.
LogicalResult runPhases(const Target &target, ModuleOp module, int64_t from, size_t to,
                        const CompileOptions &options);

/// Registers a pipeline for every phase: `torsh-phase-<name>` for those that all
/// targets share, `torsh-phase-<target>-<name>` for a target's own.
void registerPhasePipelines();

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_PHASES_H
