// SPDX-License-Identifier: Apache-2.0
// Functions of Python, and C functions by address, that programs call between kernels.
#ifndef TORSHJIT_PYTHON_RUNTIME_HOSTFUNCTIONS_H
#define TORSHJIT_PYTHON_RUNTIME_HOSTFUNCTIONS_H

#include "torshjit/Runtime/HostFunction.h"

#include <nanobind/nanobind.h>

namespace torsh::python {

namespace nb = nanobind;

/// The function that an entry of Executable's `host_functions` stands for: a callable
/// or the address of a C function. The caller keeps a callable alive.
runtime::HostFunction hostFunctionOf(nb::handle entry);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_HOSTFUNCTIONS_H
