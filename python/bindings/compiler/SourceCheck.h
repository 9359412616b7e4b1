// SPDX-License-Identifier: Apache-2.0
// Refuses text that MLIR's parser does not survive.

#ifndef TORSHJIT_PYTHON_BINDINGS_COMPILER_SOURCECHECK_H
#define TORSHJIT_PYTHON_BINDINGS_COMPILER_SOURCECHECK_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

namespace torshjit::python {

/// Reports a dense array of `index` (`array<index: 1>`, which is no MLIR) as an
/// error of `context`: the parser asks such a type for its bits and ends the process.
mlir::LogicalResult checkSource(llvm::StringRef text, mlir::MLIRContext *context);

} // namespace torshjit::python

#endif // TORSHJIT_PYTHON_BINDINGS_COMPILER_SOURCECHECK_H
