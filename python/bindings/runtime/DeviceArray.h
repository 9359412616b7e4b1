// SPDX-License-Identifier: Apache-2.0
// The Python class DeviceArray: a result in a device's memory, for any library that reads DLPack.
#ifndef TORSHJIT_PYTHON_RUNTIME_DEVICEARRAY_H
#define TORSHJIT_PYTHON_RUNTIME_DEVICEARRAY_H

#include "torshjit/Runtime/DataType.h"
#include "torshjit/Runtime/Device.h"

#include <nanobind/nanobind.h>

#include <cstdint>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;

/// A fresh one with undefined contents, written on the device's default stream. Throws
/// std::bad_alloc.
nb::object newDeviceArray(runtime::Device &device, runtime::DataType dtype,
                          const std::vector<int64_t> &shape, void *&data);

/// Keeps `objects`, which the work given to the calling thread's queue reads, until it is done;
/// lets go of earlier ones whose work is.
void keepUntilDone(runtime::Device &device, std::vector<nb::object> objects);

void bindDeviceArray(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_DEVICEARRAY_H
