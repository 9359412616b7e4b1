// SPDX-License-Identifier: Apache-2.0
// Tensors of the caller that a program writes: whether it may, and how it does.
#ifndef TORSHJIT_PYTHON_RUNTIME_WRITTENTENSORS_H
#define TORSHJIT_PYTHON_RUNTIME_WRITTENTENSORS_H

#include <nanobind/nanobind.h>

#include <vector>

namespace torsh::python {

namespace nb = nanobind;

/// Why a program that was traced on tensors without memory does not answer for a call in which it
/// writes to some of them; null if it does. `tensors` are all that the program reads and writes,
/// each once, `written` the places in it of those that it writes:
///   "layout"         one of these is not contiguous, or lazily negated
///   "shared memory"  one of these may share memory with another tensor, or its elements with
///                    each other
const char *findWriteObstacle(const std::vector<PyObject *> &tensors,
                              const std::vector<size_t> &written);

/// Copies the elements of one tensor to another one, as an in-place operation of torch.
void copyToTensor(PyObject *target, PyObject *source);

void bindWrittenTensors(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_WRITTENTENSORS_H
