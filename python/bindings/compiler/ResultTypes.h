// SPDX-License-Identifier: Apache-2.0
// The result types of operations, inferred from operands and attributes.

#ifndef TORSHJIT_PYTHON_BINDINGS_COMPILER_RESULTTYPES_H
#define TORSHJIT_PYTHON_BINDINGS_COMPILER_RESULTTYPES_H

#include "mlir/IR/OperationSupport.h"
#include <nanobind/nanobind.h>

namespace torshjit::python {

/// Adds the result types of an operation about to be created to its state.
mlir::LogicalResult inferResultTypes(mlir::OperationState &state,
                                     mlir::RegisteredOperationName info);

void bindResultTypes(nanobind::module_ &m);

} // namespace torshjit::python

#endif // TORSHJIT_PYTHON_BINDINGS_COMPILER_RESULTTYPES_H
