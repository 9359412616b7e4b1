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

/// What --torsh-compile-from and --torsh-compile-to ask for.
struct PhaseRange {
  /// The phases after `from` up to and including `to`, as positions in the table;
  /// `from` is -1 where the module is what a front end built.
  int64_t from = -1;
  size_t to = 0;
  /// "llvmir" or "assembly" where the code is asked for and not the IR.
  std::string artifact;
};

/// Makes the options known to the command line.
void registerPhaseOptions();

/// Whether the command line has one of the options.
bool hasPhaseOptions();

/// The range, or which name the table does not have.
llvm::Expected<PhaseRange> getPhaseRange();

} // namespace mlir::torsh

#endif // TORSHJIT_TOOLS_TORSH_OPT_PHASEOPTIONS_H
