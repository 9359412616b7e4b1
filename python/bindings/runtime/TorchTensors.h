// SPDX-License-Identifier: Apache-2.0
// torch tensors by attribute: torch is neither linked nor imported here.
#ifndef TORSHJIT_PYTHON_RUNTIME_TORCHTENSORS_H
#define TORSHJIT_PYTHON_RUNTIME_TORCHTENSORS_H

#include "torshjit/Runtime/DataType.h"
#include "torshjit/Runtime/Device.h"

#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;
using runtime::DataType;

/// False until Python has registered torch, then for everything else.
bool isTensor(PyObject *object);
/// Throws Error(Program) while torch is not registered.
void requireTorch();

bool hasDType(PyObject *tensor, DataType dtype);
std::optional<DataType> tensorDType(PyObject *tensor);
bool isOnCPU(PyObject *tensor);
/// What DLPack calls the tensor's device; nothing for devices that it does not know.
std::optional<runtime::TensorDevice> deviceOfTensor(PyObject *tensor);
/// The stream that torch uses now on a device, for Device::exchangeStream.
uintptr_t currentStream(const runtime::TensorDevice &device);
int tensorRank(PyObject *tensor);
/// The extents; false when there are not exactly `rank`, or symbolic ones.
bool tensorShape(PyObject *tensor, size_t rank, int64_t *shape);
bool requiresGrad(PyObject *tensor);
bool isGradEnabled();
bool isAutocastEnabledOnCPU();

/// The address of contiguous elements; `holder` receives the copy that owns
/// them when the tensor itself is strided or lazily negated.
void *tensorData(PyObject *tensor, nb::object &holder);
nb::object newTensor(DataType dtype, const std::vector<int64_t> &shape, void *&data);
/// Likewise in a device's memory, of torch's own allocator. Some tensor there has been asked for
/// its device.
nb::object newTensorOn(const runtime::TensorDevice &device, DataType dtype,
                       const std::vector<int64_t> &shape, void *&data);
/// "torch.float32 tensor of shape [3, 4] on cpu", for messages.
std::string describeTensor(PyObject *tensor);

void bindTorchTensors(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_TORCHTENSORS_H
