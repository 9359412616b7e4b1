// SPDX-License-Identifier: Apache-2.0
// The only file that includes NumPy's headers.
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include "NumPyArrays.h"

#include "torshjit/Runtime/CPU/StridedCopy.h"
#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/OutputPool.h"

#include <nanobind/stl/string.h>
#include <numpy/arrayobject.h>

#include <array>

namespace torsh::python {
namespace {
using runtime::Error;
using runtime::ErrorKind;
using runtime::OutputPool;

static_assert(sizeof(npy_intp) == sizeof(int64_t), "shapes are handed over without conversion");

bool numpyReady = false;
PyTypeObject *memoryMapType = nullptr;
/// In the order of DataType; owned. bf16 comes from outside NumPy.
std::array<PyArray_Descr *, runtime::kNumDataTypes> descriptors{};

size_t indexOf(DataType dtype) { return static_cast<size_t>(dtype); }

PyArray_Descr *descriptorOf(DataType dtype) {
  PyArray_Descr *descriptor = descriptors[indexOf(dtype)];
  if (!descriptor)
    throw Error(ErrorKind::DType,
                "no NumPy dtype is registered for " + std::string(runtime::name(dtype)));
  return descriptor;
}

std::optional<DataType> dtypeOfTypeNumber(int number) {
  switch (number) {
  case NPY_BOOL:
    return DataType::I1;
  case NPY_BYTE:
    return DataType::I8;
  case NPY_SHORT:
    return DataType::I16;
  case NPY_INT:
    return DataType::I32;
  case NPY_LONG:
    return sizeof(npy_long) == 8 ? DataType::I64 : DataType::I32;
  case NPY_LONGLONG:
    return DataType::I64;
  case NPY_UBYTE:
    return DataType::UI8;
  case NPY_USHORT:
    return DataType::UI16;
  case NPY_UINT:
    return DataType::UI32;
  case NPY_ULONG:
    return sizeof(npy_ulong) == 8 ? DataType::UI64 : DataType::UI32;
  case NPY_ULONGLONG:
    return DataType::UI64;
  case NPY_HALF:
    return DataType::F16;
  case NPY_FLOAT:
    return DataType::F32;
  case NPY_DOUBLE:
    return DataType::F64;
  default:
    break;
  }
  PyArray_Descr *bf16 = descriptors[indexOf(DataType::BF16)];
  if (bf16 && bf16->type_num == number)
    return DataType::BF16;
  return std::nullopt;
}

constexpr const char *kCapsuleName = "torshjit.output";

void releaseToPool(PyObject *capsule) {
  void *memory = PyCapsule_GetPointer(capsule, kCapsuleName);
  auto bytes = reinterpret_cast<size_t>(PyCapsule_GetContext(capsule));
  OutputPool::global().release(memory, bytes);
}

nb::object capsuleOf(void *memory, size_t bytes) {
  nb::object capsule = nb::steal(PyCapsule_New(memory, kCapsuleName, releaseToPool));
  if (!capsule.is_valid()) {
    OutputPool::global().release(memory, bytes);
    throw nb::python_error();
  }
  PyCapsule_SetContext(capsule.ptr(), reinterpret_cast<void *>(bytes));
  return capsule;
}

nb::object newArrayOf(PyArray_Descr *descriptor, size_t itemSize, const std::vector<int64_t> &shape,
                      void *&data) {
  size_t bytes = itemSize;
  for (int64_t extent : shape)
    bytes *= static_cast<size_t>(extent);
  auto *extents = reinterpret_cast<const npy_intp *>(shape.data());
  int rank = static_cast<int>(shape.size());
  nb::object owner;
  void *memory = nullptr;
  if (bytes >= OutputPool::kThreshold) {
    memory = OutputPool::global().acquire(bytes);
    owner = capsuleOf(memory, bytes);
  }
  Py_INCREF(descriptor);
  nb::object array =
      nb::steal(PyArray_NewFromDescr(&PyArray_Type, descriptor, rank, extents, nullptr, memory,
                                     memory ? NPY_ARRAY_CARRAY : 0, nullptr));
  if (!array.is_valid())
    throw nb::python_error();
  auto *raw = reinterpret_cast<PyArrayObject *>(array.ptr());
  if (memory && PyArray_SetBaseObject(raw, owner.release().ptr()) < 0)
    throw nb::python_error();
  data = PyArray_DATA(raw);
  return array;
}
} // namespace

void requireNumPy() {
  if (numpyReady)
    return;
  if (_import_array() < 0)
    throw nb::python_error();
  constexpr std::pair<DataType, int> kBuiltin[] = {
      {DataType::I1, NPY_BOOL},     {DataType::I8, NPY_INT8},     {DataType::I16, NPY_INT16},
      {DataType::I32, NPY_INT32},   {DataType::I64, NPY_INT64},   {DataType::UI8, NPY_UINT8},
      {DataType::UI16, NPY_UINT16}, {DataType::UI32, NPY_UINT32}, {DataType::UI64, NPY_UINT64},
      {DataType::F16, NPY_FLOAT16}, {DataType::F32, NPY_FLOAT},   {DataType::F64, NPY_DOUBLE}};
  for (auto [dtype, number] : kBuiltin)
    descriptors[indexOf(dtype)] = PyArray_DescrFromType(number);
  memoryMapType = reinterpret_cast<PyTypeObject *>(
      nb::object(nb::module_::import_("numpy").attr("memmap")).release().ptr());
  numpyReady = true;
}

bool isArray(PyObject *object) {
  return PyArray_CheckExact(object) || Py_TYPE(object) == memoryMapType;
}

bool isArrayOrSubclass(PyObject *object) { return PyArray_Check(object); }

ArrayView viewArray(PyObject *object) {
  auto *array = reinterpret_cast<PyArrayObject *>(object);
  bool direct = PyArray_CHKFLAGS(array, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED) &&
                PyArray_ISNOTSWAPPED(array);
  return {PyArray_DATA(array), reinterpret_cast<const int64_t *>(PyArray_DIMS(array)),
          PyArray_NDIM(array), dtypeOfTypeNumber(PyArray_TYPE(array)), direct};
}

nb::object directCopy(PyObject *object) {
  auto *array = reinterpret_cast<PyArrayObject *>(object);
  std::optional<DataType> dtype = dtypeOfTypeNumber(PyArray_TYPE(array));
  if (!dtype)
    throw Error(ErrorKind::DType, "no program takes a " + describeArray(object));
  size_t rank = static_cast<size_t>(PyArray_NDIM(array));
  if (PyArray_ISALIGNED(array) && PyArray_ISNOTSWAPPED(array)) {
    // All threads, and memory that was used before.
    const npy_intp *shape = PyArray_DIMS(array), *strides = PyArray_STRIDES(array);
    void *data = nullptr;
    nb::object copy = newArray(*dtype, {shape, shape + rank}, data);
    runtime::copyStrided(data, PyArray_DATA(array), runtime::byteSize(*dtype), rank, shape,
                         strides);
    return copy;
  }
  PyArray_Descr *descriptor = descriptorOf(*dtype);
  Py_INCREF(descriptor);
  nb::object copy = nb::steal(PyArray_FromArray(array, descriptor,
                                                NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED |
                                                    NPY_ARRAY_NOTSWAPPED | NPY_ARRAY_ENSUREARRAY));
  if (!copy.is_valid())
    throw nb::python_error();
  return copy;
}

bool isScalar(PyObject *object) { return PyArray_IsScalar(object, Generic); }

std::optional<DataType> scalarDType(PyObject *scalar) {
  PyArray_Descr *descriptor = PyArray_DescrFromScalar(scalar);
  if (!descriptor) {
    PyErr_Clear();
    return std::nullopt;
  }
  int number = descriptor->type_num;
  Py_DECREF(descriptor);
  return dtypeOfTypeNumber(number);
}

void readScalar(PyObject *scalar, void *destination) { PyArray_ScalarAsCtype(scalar, destination); }

nb::object newScalar(DataType dtype, const void *value) {
  nb::object scalar =
      nb::steal(PyArray_Scalar(const_cast<void *>(value), descriptorOf(dtype), nullptr));
  if (!scalar.is_valid())
    throw nb::python_error();
  return scalar;
}

nb::object newArray(DataType dtype, const std::vector<int64_t> &shape, void *&data) {
  return newArrayOf(descriptorOf(dtype), runtime::byteSize(dtype), shape, data);
}

nb::object newArrayView(DataType dtype, const std::vector<int64_t> &shape, void *data) {
  PyArray_Descr *descriptor = descriptorOf(dtype);
  Py_INCREF(descriptor);
  nb::object array =
      nb::steal(PyArray_NewFromDescr(&PyArray_Type, descriptor, static_cast<int>(shape.size()),
                                     reinterpret_cast<const npy_intp *>(shape.data()), nullptr,
                                     data, NPY_ARRAY_CARRAY_RO, nullptr));
  if (!array.is_valid())
    throw nb::python_error();
  return array;
}

void makeReadOnly(PyObject *object) {
  PyArray_CLEARFLAGS(reinterpret_cast<PyArrayObject *>(object), NPY_ARRAY_WRITEABLE);
}

nb::object asArray(PyObject *object) {
  nb::object array = nb::steal(PyArray_FromAny(object, nullptr, 0, 0, 0, nullptr));
  if (!array.is_valid())
    throw nb::python_error();
  return array;
}

nb::object newArrayOfBits(DataType dtype, const std::vector<int64_t> &shape, void *&data) {
  if (dtype == DataType::BF16)
    dtype = DataType::I16;
  return newArray(dtype, shape, data);
}

std::string describeArray(PyObject *object) {
  nb::object dtype = nb::getattr(nb::handle(object), "dtype");
  nb::object shape = nb::getattr(nb::handle(object), "shape");
  return std::string(nb::str(nb::handle(dtype)).c_str()) + " array of shape " +
         nb::str(nb::handle(shape)).c_str();
}

void bindNumPyArrays(nb::module_ &m) {
  m.def(
      "register_numpy_dtype",
      [](const std::string &name, nb::handle dtype) {
        requireNumPy();
        std::optional<DataType> parsed = runtime::parseDataType(name);
        if (!parsed)
          throw nb::value_error(("unknown dtype \"" + name + "\"").c_str());
        if (!PyArray_DescrCheck(dtype.ptr()))
          throw nb::type_error("register_numpy_dtype: expected a numpy.dtype");
        auto *descriptor = reinterpret_cast<PyArray_Descr *>(dtype.ptr());
        if (static_cast<size_t>(PyDataType_ELSIZE(descriptor)) != runtime::byteSize(*parsed))
          throw nb::value_error("register_numpy_dtype: item sizes differ");
        Py_INCREF(descriptor);
        Py_XDECREF(descriptors[indexOf(*parsed)]);
        descriptors[indexOf(*parsed)] = descriptor;
      },
      nb::arg("name"), nb::arg("dtype"),
      "Names the numpy.dtype of an element type that NumPy itself lacks "
      "(\"bf16\"). Raises ValueError when the item sizes differ.");
  m.def(
      "new_memory",
      [](int64_t bytes) {
        requireNumPy();
        if (bytes < 0)
          throw nb::value_error("new_memory: bytes must not be negative");
        void *data = nullptr;
        return newArray(DataType::UI8, {bytes}, data);
      },
      nb::arg("bytes"),
      "An array of bytes in memory as results have it: from 2 MiB on in huge pages.");
}

} // namespace torsh::python
