// SPDX-License-Identifier: Apache-2.0
// The targets that this compiler has.

#ifndef TORSHJIT_COMPILER_TARGETS_H
#define TORSHJIT_COMPILER_TARGETS_H

#include "torshjit/Target/Target.h"

namespace mlir::torsh {

/// All of them; the first is the default.
llvm::ArrayRef<std::unique_ptr<Target>> getTargets();

/// The target of that name. `name` may be followed by a colon and an architecture,
/// which is checked and given back.
struct TargetSpec {
  const Target *target = nullptr;
  std::string architecture;
};
llvm::Expected<TargetSpec> findTarget(llvm::StringRef name);

/// The only or first target that has a phase or an artifact of this name, or null.
const Target *findTargetOf(llvm::StringRef phaseOrArtifact);

/// Opens a shared library that brings targets, and adds them. They stay until the
/// process ends. Not to be called while something is compiled.
llvm::Error loadTargets(llvm::StringRef path);

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_TARGETS_H
