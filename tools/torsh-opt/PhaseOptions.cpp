// SPDX-License-Identifier: Apache-2.0
// The options that run a range of the phase table.

#include "PhaseOptions.h"
#include "torshjit/Compiler/Phases.h"
#include "torshjit/Compiler/Targets.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {
struct Options {
  llvm::cl::opt<std::string> target{
      "torsh-target", llvm::cl::value_desc("target[:architecture]"),
      llvm::cl::desc("What to compile for; by default the first target that has the phase")};
  llvm::cl::opt<std::string> from{
      "torsh-compile-from", llvm::cl::value_desc("phase"),
      llvm::cl::desc("The input is what this phase leaves: skip the phases up to it")};
  llvm::cl::opt<std::string> to{
      "torsh-compile-to", llvm::cl::value_desc("phase"),
      llvm::cl::desc(
          "Stop after this phase, or give an artifact of the target (llvmir, ptx, ...)")};
};
} // namespace

static Options &options() {
  static Options options;
  return options;
}

static llvm::Error unknownPhase(StringRef option, StringRef name, const Target &target,
                                bool withArtifacts) {
  SmallVector<StringRef> known;
  for (const Phase &phase : getPhases(target))
    known.push_back(phase.name);
  if (withArtifacts)
    for (const Artifact &artifact : target.getArtifacts())
      known.push_back(artifact.name);
  return llvm::createStringError("--" + option + ": there is no phase '" + name +
                                 "'; the phases of " + target.getName() + " are " +
                                 llvm::join(known, ", "));
}

void mlir::torsh::registerPhaseOptions() { options(); }

bool mlir::torsh::hasPhaseOptions() {
  return options().from.getNumOccurrences() || options().to.getNumOccurrences() ||
         options().target.getNumOccurrences();
}

/// The target that is asked for, or the first one that has the phases.
static llvm::Expected<TargetSpec> chooseTarget() {
  if (options().target.getNumOccurrences())
    return findTarget(options().target);
  for (const std::string &name : {options().to.getValue(), options().from.getValue()})
    if (const Target *target = findTargetOf(name))
      return TargetSpec{target, ""};
  return TargetSpec{getTargets().front().get(), ""};
}

llvm::Expected<PhaseRange> mlir::torsh::getPhaseRange() {
  llvm::Expected<TargetSpec> spec = chooseTarget();
  if (!spec)
    return spec.takeError();
  const Target &target = *spec->target;
  PhaseRange range;
  range.target = &target;
  range.architecture = spec->architecture;
  range.to = getPhases(target).size() - 1;
  const std::string &from = options().from, &to = options().to;
  if (!from.empty()) {
    std::optional<size_t> phase = findPhase(target, from);
    if (!phase)
      return unknownPhase("torsh-compile-from", from, target, /*withArtifacts=*/false);
    range.from = static_cast<int64_t>(*phase);
  }
  if (llvm::any_of(target.getArtifacts(), [&](const Artifact &row) { return row.name == to; })) {
    range.artifact = to;
  } else if (!to.empty()) {
    std::optional<size_t> phase = findPhase(target, to);
    if (!phase)
      return unknownPhase("torsh-compile-to", to, target, /*withArtifacts=*/true);
    range.to = *phase;
  }
  if (range.from > static_cast<int64_t>(range.to))
    return llvm::createStringError("--torsh-compile-from=" + from +
                                   " is after --torsh-compile-to=" + to);
  return range;
}
