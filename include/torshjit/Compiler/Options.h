// SPDX-License-Identifier: Apache-2.0
// What a compilation is asked to do.

#ifndef TORSHJIT_COMPILER_OPTIONS_H
#define TORSHJIT_COMPILER_OPTIONS_H

#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include <cstdint>
#include <string>

namespace mlir::torsh {

/// Everything here that changes the code is part of a cached kernel's key.
struct CompileOptions {
  /// Whether the graph is simplified before it is fused.
  bool optimize = true;
  /// Whether rewrites may change the rounding of floats.
  bool fast = false;
  /// none, conservative, default or aggressive.
  std::string fusionStrategy = "default";
  /// The largest number of operations in a kernel.
  int64_t maxFusionSize = 64;
  /// Threads to make work for.
  int64_t threads = 1;
  cpu::Processor processor = cpu::Processor::host();
  /// Where to write the IR after each phase and pass; empty for nowhere. Does not
  /// change the code.
  std::string dumpDirectory;
};

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_OPTIONS_H
