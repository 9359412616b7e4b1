// SPDX-License-Identifier: Apache-2.0
// C++ errors to the Python exception classes that the package registers.
#ifndef TORSHJIT_PYTHON_RUNTIME_ERRORCLASSES_H
#define TORSHJIT_PYTHON_RUNTIME_ERRORCLASSES_H

#include "torshjit/Runtime/Error.h"

#include <nanobind/nanobind.h>

namespace torsh::python {

namespace nb = nanobind;

/// Sets the Python error for the exception in flight; call it in a catch-all.
void setPythonError() noexcept;

void bindErrorClasses(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_ERRORCLASSES_H
