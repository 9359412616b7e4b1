// SPDX-License-Identifier: Apache-2.0
// The callable base class: an ordered list of specializations.
#ifndef TORSHJIT_PYTHON_RUNTIME_DISPATCHER_H
#define TORSHJIT_PYTHON_RUNTIME_DISPATCHER_H

#include <nanobind/nanobind.h>

namespace torsh::python {

void bindDispatcher(nanobind::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_DISPATCHER_H
