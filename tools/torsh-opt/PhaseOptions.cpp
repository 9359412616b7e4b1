// SPDX-License-Identifier: Apache-2.0
// The options that run a range of the phase table.

#include "PhaseOptions.h"
#include "torshjit/Compiler/Phases.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace mlir::torsh;

static llvm::StringLiteral kArtifacts[] = {"llvmir", "assembly"};

namespace {
struct Options {
  llvm::cl::opt<std::string> from{
      "torsh-compile-from", llvm::cl::value_desc("phase"),
      llvm::cl::desc("The input is what this phase leaves: skip the phases up to it")};
  llvm::cl::opt<std::string> to{
      "torsh-compile-to", llvm::cl::value_desc("phase"),
      llvm::cl::desc("Stop after this phase of the table, or give llvmir or assembly")};
};
} // namespace

static Options &options() {
  static Options options;
  return options;
}

static llvm::Error unknownPhase(StringRef option, StringRef name, bool withArtifacts) {
  SmallVector<StringRef> known;
  for (const Phase &phase : getPhases())
    known.push_back(phase.name);
  if (withArtifacts)
    known.append(std::begin(kArtifacts), std::end(kArtifacts));
  return llvm::createStringError("--" + option + ": there is no phase '" + name +
                                 "'; the phases are " + llvm::join(known, ", "));
}

void mlir::torsh::registerPhaseOptions() { options(); }

bool mlir::torsh::hasPhaseOptions() {
  return options().from.getNumOccurrences() || options().to.getNumOccurrences();
}

llvm::Expected<PhaseRange> mlir::torsh::getPhaseRange() {
  PhaseRange range;
  range.to = getPhases().size() - 1;
  const std::string &from = options().from, &to = options().to;
  if (!from.empty()) {
    std::optional<size_t> phase = findPhase(from);
    if (!phase)
      return unknownPhase("torsh-compile-from", from, /*withArtifacts=*/false);
    range.from = static_cast<int64_t>(*phase);
  }
  if (llvm::is_contained(kArtifacts, to)) {
    if (range.from >= 0)
      return llvm::createStringError("--torsh-compile-to=" + to +
                                     " compiles from the start; leave out --torsh-compile-from");
    range.artifact = to;
  } else if (!to.empty()) {
    std::optional<size_t> phase = findPhase(to);
    if (!phase)
      return unknownPhase("torsh-compile-to", to, /*withArtifacts=*/true);
    range.to = *phase;
  }
  if (range.from > static_cast<int64_t>(range.to))
    return llvm::createStringError("--torsh-compile-from=" + from +
                                   " is after --torsh-compile-to=" + to);
  return range;
}
