// SPDX-License-Identifier: Apache-2.0
// NumPy arrays and scalars through NumPy's C interface. NumPy is imported at
// the first use, not with the module.
#ifndef TORSHJIT_PYTHON_RUNTIME_NUMPYARRAYS_H
#define TORSHJIT_PYTHON_RUNTIME_NUMPYARRAYS_H

#include "torshjit/Runtime/DataType.h"

#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;
using runtime::DataType;

/// Everything below needs this first; throws nb::python_error.
void requireNumPy();

struct ArrayView {
  void *data;
  const int64_t *shape;
  int rank;
  std::optional<DataType> dtype;
  /// Contiguous, aligned and in native byte order: kernels may read it.
  bool direct;
};

/// Arrays and memory maps; no other subclass, whose meaning may differ.
bool isArray(PyObject *object);
/// Any subclass too.
bool isArrayOrSubclass(PyObject *object);
ArrayView viewArray(PyObject *array);
/// A contiguous, aligned, native copy; throws nb::python_error.
nb::object directCopy(PyObject *array);

bool isScalar(PyObject *object);
/// The element type of a NumPy scalar, nothing if programs have no such type.
std::optional<DataType> scalarDType(PyObject *scalar);
void readScalar(PyObject *scalar, void *destination);
nb::object newScalar(DataType dtype, const void *value);

/// A fresh array with undefined contents; large ones from the output pool.
nb::object newArray(DataType dtype, const std::vector<int64_t> &shape, void *&data);
/// A read-only array over memory of somebody else's.
nb::object newArrayView(DataType dtype, const std::vector<int64_t> &shape, void *data);
void makeReadOnly(PyObject *array);
/// Any object as an array, like numpy.asarray; throws nb::python_error.
nb::object asArray(PyObject *object);
/// The same bits as i16, for torch.from_numpy, which knows no bfloat16.
nb::object newArrayOfBits(DataType dtype, const std::vector<int64_t> &shape, void *&data);
/// "float32 array of shape (3, 4)", for messages.
std::string describeArray(PyObject *array);

void bindNumPyArrays(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_NUMPYARRAYS_H
