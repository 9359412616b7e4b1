// SPDX-License-Identifier: Apache-2.0
// DLPack's structures, in the form that every library of the last years understands (before the
// versioned one), read and made.
#include "DLPack.h"

#include "torshjit/Runtime/Error.h"

#include <memory>

namespace torsh::python {
namespace {
using runtime::TensorDevice;

// The names and layouts of dlpack.h.
struct DLDevice {
  int32_t deviceType;
  int32_t deviceId;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byteOffset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void *managerContext;
  void (*deleter)(DLManagedTensor *);
};
constexpr const char *kCapsuleName = "dltensor";
constexpr int kDLCUDAHost = 3;
enum Code : uint8_t { Int = 0, UInt = 1, Float = 2, Bfloat = 4, Bool = 6 };

struct Row {
  DataType dtype;
  uint8_t code;
};
constexpr Row kDTypes[] = {{DataType::I1, Bool},    {DataType::I8, Int},    {DataType::I16, Int},
                           {DataType::I32, Int},    {DataType::I64, Int},   {DataType::UI8, UInt},
                           {DataType::UI16, UInt},  {DataType::UI32, UInt}, {DataType::UI64, UInt},
                           {DataType::F16, Float},  {DataType::F32, Float}, {DataType::F64, Float},
                           {DataType::BF16, Bfloat}};

std::optional<DataType> dtypeOf(const DLDataType &type) {
  for (const Row &row : kDTypes)
    if (type.lanes == 1 && row.code == type.code && runtime::byteSize(row.dtype) * 8 == type.bits)
      return row.dtype;
  return std::nullopt;
}

bool isRowMajor(const DLTensor &tensor) {
  if (!tensor.strides)
    return true;
  int64_t expected = 1;
  bool contiguous = true;
  for (int axis = tensor.ndim - 1; axis >= 0; --axis) {
    if (tensor.shape[axis] == 0)
      return true;
    contiguous &= tensor.shape[axis] == 1 || tensor.strides[axis] == expected;
    expected *= tensor.shape[axis];
  }
  return contiguous;
}

nb::object checked(PyObject *object) {
  if (!object)
    throw nb::python_error();
  return nb::steal(object);
}

/// What a lent tensor owns.
struct Lent {
  DLManagedTensor managed;
  std::vector<int64_t> shape;
  PyObject *owner;
};

void releaseLent(DLManagedTensor *managed) {
  // From any thread, and perhaps after the interpreter.
  auto *lent = static_cast<Lent *>(managed->managerContext);
  if (Py_IsInitialized()) {
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF(lent->owner);
    PyGILState_Release(state);
  }
  delete lent;
}

/// A capsule whose name is still "dltensor" was taken by nobody.
void destroyCapsule(PyObject *capsule) {
  if (!PyCapsule_IsValid(capsule, kCapsuleName))
    return;
  auto *managed = static_cast<DLManagedTensor *>(PyCapsule_GetPointer(capsule, kCapsuleName));
  managed->deleter(managed);
}
} // namespace

bool isDLPackProducer(PyObject *object) {
  return PyObject_HasAttrString(object, "__dlpack__") &&
         PyObject_HasAttrString(object, "__dlpack_device__");
}

std::optional<TensorDevice> dlpackDevice(PyObject *object) {
  nb::object answer = nb::steal(PyObject_CallMethod(object, "__dlpack_device__", nullptr));
  if (!answer.is_valid() || !PyTuple_Check(answer.ptr()) || PyTuple_GET_SIZE(answer.ptr()) != 2) {
    PyErr_Clear(); // the object has no such device
    return std::nullopt;
  }
  long type = PyLong_AsLong(PyTuple_GET_ITEM(answer.ptr(), 0));
  long index = PyLong_AsLong(PyTuple_GET_ITEM(answer.ptr(), 1));
  if (PyErr_Occurred()) {
    PyErr_Clear();
    return std::nullopt;
  }
  if (type == kDLCUDAHost)
    return TensorDevice{kDLCPU, 0};
  return TensorDevice{static_cast<int>(type), static_cast<int>(index)};
}

BorrowedTensor borrowTensor(PyObject *object, const TensorDevice &device) {
  nb::object method = checked(PyObject_GetAttrString(object, "__dlpack__"));
  BorrowedTensor borrowed;
  // 1 is the protocol's number of CUDA's default stream, 0 being ambiguous there.
  if (device.type == kDLCUDA)
    borrowed.capsule = method(nb::arg("stream") = 1);
  else
    borrowed.capsule = method();
  auto *managed =
      static_cast<DLManagedTensor *>(PyCapsule_GetPointer(borrowed.capsule.ptr(), kCapsuleName));
  if (!managed)
    throw nb::python_error();
  const DLTensor &tensor = managed->tensor;
  borrowed.data = static_cast<char *>(tensor.data) + tensor.byteOffset;
  borrowed.dtype = dtypeOf(tensor.dtype);
  borrowed.shape = tensor.shape;
  borrowed.rank = tensor.ndim;
  borrowed.direct =
      borrowed.dtype && isRowMajor(tensor) &&
      reinterpret_cast<uintptr_t>(borrowed.data) % runtime::byteSize(*borrowed.dtype) == 0;
  return borrowed;
}

nb::object lendTensor(nb::object owner, void *data, DataType dtype,
                      const std::vector<int64_t> &shape, const TensorDevice &device) {
  auto lent = std::make_unique<Lent>();
  lent->shape = shape;
  uint8_t code = 0;
  for (const Row &row : kDTypes)
    if (row.dtype == dtype)
      code = row.code;
  lent->managed.tensor = {data,
                          {device.type, device.index},
                          static_cast<int32_t>(shape.size()),
                          {code, static_cast<uint8_t>(8 * runtime::byteSize(dtype)), 1},
                          lent->shape.data(),
                          nullptr,
                          0};
  lent->managed.managerContext = lent.get();
  lent->managed.deleter = releaseLent;
  nb::object capsule = checked(PyCapsule_New(&lent->managed, kCapsuleName, destroyCapsule));
  Lent *given = lent.release(); // the capsule's now
  given->owner = owner.release().ptr();
  return capsule;
}

} // namespace torsh::python
