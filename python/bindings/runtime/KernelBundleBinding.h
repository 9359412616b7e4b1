// SPDX-License-Identifier: Apache-2.0
// The Python class KernelBundle.
#ifndef TORSHJIT_PYTHON_RUNTIME_KERNELBUNDLEBINDING_H
#define TORSHJIT_PYTHON_RUNTIME_KERNELBUNDLEBINDING_H

#include <nanobind/nanobind.h>

namespace torsh::python {

namespace nb = nanobind;

void bindKernelBundle(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_KERNELBUNDLEBINDING_H
