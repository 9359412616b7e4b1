// SPDX-License-Identifier: Apache-2.0
// Types and attributes between Python and MLIR.

#ifndef TORSHJIT_PYTHON_BINDINGS_COMPILER_ATTRIBUTES_H
#define TORSHJIT_PYTHON_BINDINGS_COMPILER_ATTRIBUTES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include <nanobind/nanobind.h>
#include <optional>
#include <string>
#include <vector>

namespace torshjit::python {

/// A tensor's element type and shape, -1 for '?'.
struct PyTensorType {
  std::string dtype;
  std::vector<int64_t> shape;
};

/// Raises ValueError for a name that is no element type.
mlir::Type parseDType(mlir::MLIRContext *context, const std::string &name);
std::string printDType(mlir::Type type);

mlir::RankedTensorType toMLIR(mlir::MLIRContext *context, const PyTensorType &type);
PyTensorType fromMLIR(mlir::Type type);

/// The attribute `name` of a torsh operation from a Python value.
mlir::Attribute toAttribute(mlir::Builder &builder, const std::string &name,
                            nanobind::handle value);
nanobind::object fromAttribute(mlir::Attribute attribute);

/// A C-contiguous NumPy array as a dense attribute, and back.
mlir::DenseElementsAttr toElements(mlir::MLIRContext *context, nanobind::handle array);
nanobind::object fromElements(mlir::ElementsAttr elements);

/// For an operation whose last operand group is variadic or optional, and the
/// only such one, the number of single operands before it; otherwise nothing.
std::optional<int32_t> fixedOperandCount(mlir::RegisteredOperationName info);

} // namespace torshjit::python

#endif // TORSHJIT_PYTHON_BINDINGS_COMPILER_ATTRIBUTES_H
