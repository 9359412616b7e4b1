// SPDX-License-Identifier: Apache-2.0
// The host function as the program that the runtime executes.

#ifndef TORSHJIT_COMPILER_HOSTPROGRAM_H
#define TORSHJIT_COMPILER_HOSTPROGRAM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"

namespace mlir::torsh {

/// A program of the runtime's format (docs/Runtime.md) and its constants, whose
/// contents are handed over apart.
struct HostProgram {
  llvm::json::Value program = nullptr;
  SmallVector<ElementsAttr> constants;
  /// How many launches of each kernel are executed once, when the program is loaded.
  llvm::StringMap<int64_t> once;
};

/// Reads the program off a host function as the kernels phase leaves it.
FailureOr<HostProgram> buildHostProgram(func::FuncOp host, StringRef target);

/// The function that is no kernel: the only one, or the one called main.
FailureOr<func::FuncOp> findHostFunction(ModuleOp module);

} // namespace mlir::torsh

#endif // TORSHJIT_COMPILER_HOSTPROGRAM_H
