// SPDX-License-Identifier: Apache-2.0
// From a module of torsh operations to a program and its machine code.

#ifndef TORSHJIT_COMPILER_COMPILE_H
#define TORSHJIT_COMPILER_COMPILE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "torshjit/Target/Target.h"
#include <string>
#include <utility>
#include <vector>

namespace mlir::torsh {

/// What a compilation gives.
struct CompiledProgram {
  /// The runtime's program as JSON text, and the contents of its constants.
  std::string program;
  SmallVector<ElementsAttr> constants;
  /// The decisions taken, as JSON text.
  std::string explanation;
  std::unique_ptr<KernelCode> code;
  /// Milliseconds by phase, in order.
  std::vector<std::pair<std::string, double>> timings;
};

/// Compiles `module`, which is consumed. Reports what fails as diagnostics.
FailureOr<CompiledProgram> compile(ModuleOp module, const Target &target,
                                   const CompileOptions &options);

/// The IR after a phase on the way to `target`, or one of the target's artifacts.
/// `module` is what the phase at position `from` left; -1 is what a front end built.
FailureOr<std::string> compileToText(ModuleOp module, StringRef phase, const Target &target,
                                     const CompileOptions &options, int64_t from = -1);

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_COMPILE_H
