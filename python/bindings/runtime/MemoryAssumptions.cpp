// SPDX-License-Identifier: Apache-2.0
// Where tensors lie, compared before a program runs that this matters to.
#include "MemoryAssumptions.h"

#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace torsh::python {
namespace {

struct Names {
  PyObject *dataPtr = PyUnicode_InternFromString("data_ptr");
  PyObject *isContiguous = PyUnicode_InternFromString("is_contiguous");
  PyObject *isNeg = PyUnicode_InternFromString("is_neg");
  PyObject *shape = PyUnicode_InternFromString("shape");
  PyObject *storageOffset = PyUnicode_InternFromString("storage_offset");
  PyObject *stride = PyUnicode_InternFromString("stride");
  PyObject *itemsize = PyUnicode_InternFromString("itemsize");
  PyObject *copy = PyUnicode_InternFromString("copy_");
};
const Names &names() {
  static const Names *interned = new Names;
  return *interned;
}

nb::object checked(PyObject *result) {
  if (!result)
    throw nb::python_error();
  return nb::steal(result);
}
nb::object call(PyObject *object, PyObject *method) {
  return checked(PyObject_CallMethodNoArgs(object, method));
}
nb::object get(PyObject *object, PyObject *attribute) {
  return checked(PyObject_GetAttr(object, attribute));
}

/// The addresses from the first to behind the last byte of a tensor.
struct Span {
  uintptr_t begin = 0, end = 0;
  bool isRepeating = false; ///< some elements may lie in one place
  bool meets(const Span &other) const { return begin < other.end && other.begin < end; }
};

Span spanOf(PyObject *tensor) {
  if (!tensor) // A frozen input, whose memory is the program's.
    return {};
  nb::object extents = get(tensor, names().shape), strides = call(tensor, names().stride);
  size_t rank = nb::len(extents);
  std::vector<std::pair<size_t, size_t>> axes; // by stride, which is never negative in torch
  for (size_t axis = 0; axis < rank; ++axis) {
    auto extent = nb::cast<size_t>(extents[axis]);
    if (extent == 0)
      return {};
    if (extent > 1)
      axes.emplace_back(nb::cast<size_t>(strides[axis]), extent);
  }
  std::sort(axes.begin(), axes.end());
  Span span;
  size_t last = 0;
  for (auto [stride, extent] : axes) {
    span.isRepeating |= stride <= last;
    last += (extent - 1) * stride;
  }
  span.begin = nb::cast<uintptr_t>(call(tensor, names().dataPtr));
  span.end = span.begin + (last + 1) * nb::cast<size_t>(get(tensor, names().itemsize));
  return span;
}

bool isPlainlyStored(PyObject *tensor) {
  return call(tensor, names().isContiguous).ptr() == Py_True &&
         call(tensor, names().isNeg).ptr() == Py_False;
}
} // namespace

const char *findMemoryObstacle(const std::vector<PyObject *> &tensors,
                               const std::vector<size_t> &written,
                               const std::vector<size_t> &strided) {
  for (size_t place : strided)
    if (!isPlainlyStored(tensors[place]) ||
        nb::cast<int64_t>(call(tensors[place], names().storageOffset)) != 0)
      return "layout";
  if (written.empty())
    return nullptr;
  std::vector<Span> spans;
  spans.reserve(tensors.size());
  for (PyObject *tensor : tensors)
    spans.push_back(spanOf(tensor));
  for (size_t target : written)
    for (size_t other = 0; other < spans.size(); ++other)
      if (other == target ? spans[target].isRepeating : spans[target].meets(spans[other]))
        return "shared memory";
  for (size_t target : written)
    if (!isPlainlyStored(tensors[target]))
      return "layout";
  return nullptr;
}

void copyToTensor(PyObject *target, PyObject *source) {
  checked(PyObject_CallMethodOneArg(target, names().copy, source));
}

void bindMemoryAssumptions(nb::module_ &m) {
  m.def(
      "find_memory_obstacle",
      [](const std::vector<nb::object> &tensors, const std::vector<size_t> &written,
         const std::vector<size_t> &strided) {
        std::vector<PyObject *> objects;
        for (const nb::object &tensor : tensors)
          objects.push_back(tensor.ptr());
        for (const std::vector<size_t> *places : {&written, &strided})
          for (size_t place : *places)
            if (place >= objects.size())
              throw nb::index_error("no such tensor");
        return findMemoryObstacle(objects, written, strided);
      },
      nb::arg("tensors"), nb::arg("written"), nb::arg("strided"),
      "Why a program cannot answer for these tensors: \"layout\", \"shared memory\" or None. "
      "written: the places of those that it writes. strided: of those whose storage it addresses "
      "by strides.");
}

} // namespace torsh::python
