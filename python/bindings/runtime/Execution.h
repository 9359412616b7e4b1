// SPDX-License-Identifier: Apache-2.0
// Runs an executable and wraps its results in Python objects.
#ifndef TORSHJIT_PYTHON_RUNTIME_EXECUTION_H
#define TORSHJIT_PYTHON_RUNTIME_EXECUTION_H

#include "torshjit/Runtime/Executable.h"

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;

enum class ResultKind {
  NumPy,  ///< numpy.ndarray
  Torch,  ///< torch.Tensor
  Scalar, ///< numpy.generic; the result has rank 0
};

/// Throws nb::value_error for unknown names.
ResultKind parseResultKind(const std::string &text);

/// One object per result. Other Python threads run meanwhile when the program
/// moves enough memory to be worth the switch.
std::vector<nb::object> execute(runtime::Executable &executable, runtime::InputShapes shapes,
                                void *const *inputs, const std::vector<ResultKind> &kinds);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_EXECUTION_H
