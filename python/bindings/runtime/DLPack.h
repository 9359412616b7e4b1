// SPDX-License-Identifier: Apache-2.0
// Tensors of other libraries through the DLPack protocol, without copies.
#ifndef TORSHJIT_PYTHON_RUNTIME_DLPACK_H
#define TORSHJIT_PYTHON_RUNTIME_DLPACK_H

#include "torshjit/Runtime/DataType.h"
#include "torshjit/Runtime/Device.h"

#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;
using runtime::DataType;

/// DLPack's numbers of the host's memory and of CUDA's.
inline constexpr int kDLCPU = 1;
inline constexpr int kDLCUDA = 2;

/// Whether the object has DLPack's two methods.
bool isDLPackProducer(PyObject *object);
/// Where the tensor lies; nothing when the object cannot say. Page-locked host memory counts as
/// the host's.
std::optional<runtime::TensorDevice> dlpackDevice(PyObject *object);

/// A tensor that an object lends while `capsule` lives.
struct BorrowedTensor {
  nb::object capsule;
  void *data = nullptr;
  std::optional<DataType> dtype;
  const int64_t *shape = nullptr;
  int rank = 0;
  /// Row-major without gaps, and aligned to its elements: kernels may read it.
  bool direct = false;
};

/// Asks for the tensor, ready for use on the device's default stream. Throws nb::python_error.
BorrowedTensor borrowTensor(PyObject *object, const runtime::TensorDevice &device);

/// A capsule that lends memory to other libraries. `owner` is kept until they are done with it;
/// `shape` is copied.
nb::object lendTensor(nb::object owner, void *data, DataType dtype,
                      const std::vector<int64_t> &shape, const runtime::TensorDevice &device);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_DLPACK_H
