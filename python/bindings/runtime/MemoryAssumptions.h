// SPDX-License-Identifier: Apache-2.0
// What a program that was traced on tensors without memory takes for granted about those of a call.
#ifndef TORSHJIT_PYTHON_RUNTIME_MEMORYASSUMPTIONS_H
#define TORSHJIT_PYTHON_RUNTIME_MEMORYASSUMPTIONS_H

#include <nanobind/nanobind.h>

#include <vector>

namespace torsh::python {

namespace nb = nanobind;

/// Why such a program does not answer for a call; null if it does. `tensors` are all that it reads
/// and writes, each once, `written` the places in it of those that it writes, `strided` of those
/// whose storage it addresses by strides:
///   "layout"         one of these is not contiguous, or lazily negated, or one of the latter does
///                    not begin its storage
///   "shared memory"  one that is written may share memory with another tensor, or its elements
///                    with each other
const char *findMemoryObstacle(const std::vector<PyObject *> &tensors,
                               const std::vector<size_t> &written,
                               const std::vector<size_t> &strided);

/// Copies the elements of one tensor to another one, as an in-place operation of torch.
void copyToTensor(PyObject *target, PyObject *source);

void bindMemoryAssumptions(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_MEMORYASSUMPTIONS_H
