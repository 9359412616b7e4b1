// SPDX-License-Identifier: Apache-2.0
// Devices that are objects of Python.
#ifndef TORSHJIT_PYTHON_RUNTIME_PYTHONDEVICE_H
#define TORSHJIT_PYTHON_RUNTIME_PYTHONDEVICE_H

#include <nanobind/nanobind.h>

namespace torsh::python {

namespace nb = nanobind;

void bindPythonDevice(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_PYTHONDEVICE_H
