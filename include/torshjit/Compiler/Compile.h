// SPDX-License-Identifier: Apache-2.0
// From a module of torsh operations to a program and its machine code.

#ifndef TORSHJIT_COMPILER_COMPILE_H
#define TORSHJIT_COMPILER_COMPILE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "torshjit/Compiler/Options.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
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
  /// The kernels' object files, and where the kernels were loaded.
  std::vector<std::string> objects;
  std::unique_ptr<cpu::LoadedCode> code;
  std::vector<std::pair<std::string, uint64_t>> kernels;
  /// Milliseconds by phase, in order.
  std::vector<std::pair<std::string, double>> timings;
};

/// Compiles `module`, which is consumed, for the processor of `options`, and loads
/// the kernels into this process. Reports what fails as diagnostics.
FailureOr<CompiledProgram> compile(ModuleOp module, const CompileOptions &options);

/// The IR after a phase of the table, or of one of the artifacts past it: "llvmir"
/// (optimised LLVM IR) and "assembly".
FailureOr<std::string> compileToText(ModuleOp module, StringRef phase,
                                     const CompileOptions &options);

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_COMPILE_H
