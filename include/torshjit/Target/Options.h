// SPDX-License-Identifier: Apache-2.0
// What a compilation is asked to do.

#ifndef TORSHJIT_TARGET_OPTIONS_H
#define TORSHJIT_TARGET_OPTIONS_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mlir::torsh {

/// Everything here but the last member changes the code, and is part of a cached
/// kernel's key.
struct CompileOptions {
  /// Whether the graph is simplified before it is fused.
  bool optimize = true;
  /// Whether rewrites may change the rounding of floats.
  bool fast = false;
  /// none, conservative, default, aggressive or custom.
  std::string fusionStrategy = "default";
  /// The largest number of operations in a kernel.
  int64_t maxFusionSize = 256;
  /// What of it the program's author decided: `matmul->softmax=never` or `=always` by
  /// the operations' names, in order, the last that fits counting; `*` is any operation.
  std::vector<std::string> fusionRules;
  /// The schedules of kernels by their names, as text, instead of what would be chosen.
  std::vector<std::pair<std::string, std::string>> schedules;
  /// Threads of the host: to make work for where kernels run on it, to compile on
  /// where they do not.
  int64_t threads = 1;
  /// What to compile for, in the terms of the target; empty for its default.
  std::string architecture;
  /// Where the library of functions of the target's vendor lies, for a target that
  /// has one; empty to look for it.
  std::string deviceLibrary;
  /// Where to write the IR after each phase and pass; empty for nowhere.
  std::string dumpDirectory;
};

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_OPTIONS_H
