// SPDX-License-Identifier: Apache-2.0
// The options that run a range of the phase table.

#ifndef TORSHJIT_TOOLS_TORSH_OPT_PHASEOPTIONS_H
#define TORSHJIT_TOOLS_TORSH_OPT_PHASEOPTIONS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstddef>
#include <cstdint>
#include <string>

namespace mlir::torsh {

class Target;

/// What --torsh-target, --torsh-compile-from and --torsh-compile-to ask for.
struct PhaseRange {
  /// The phases after `from` up to and including `to`, as positions in the table;
  /// `from` is -1 where the module is what a front end built.
  int64_t from = -1;
  size_t to = 0;
  /// An artifact of the target where the code is asked for and not the IR.
  std::string artifact;
  const Target *target = nullptr;
  std::string architecture;
};

/// Makes the options known to the command line.
void registerPhaseOptions();

/// Whether the command line has one of the options.
bool hasPhaseOptions();

/// The range, or which name the tables do not have.
llvm::Expected<PhaseRange> getPhaseRange();

} // namespace mlir::torsh

#endif // TORSHJIT_TOOLS_TORSH_OPT_PHASEOPTIONS_H
