// SPDX-License-Identifier: Apache-2.0
// Reads and makes torch tensors: by torch's functions where they were found, else through its
// Python interface.
#include "TorchTensors.h"

#include "DLPack.h"
#include "NumPyArrays.h"
#include "TorchLibrary.h"
#include "torshjit/Runtime/CPU/StridedCopy.h"
#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/OutputPool.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>

namespace torsh::python {
namespace {
using runtime::Error;
using runtime::ErrorKind;

/// References kept for the life of the process, like torch itself.
struct TorchInterface {
  PyTypeObject *tensorType = nullptr;
  PyObject *isGradEnabled = nullptr;
  PyObject *isAutocastEnabled = nullptr;
  PyObject *empty = nullptr;
  PyObject *emptyLike = nullptr;
  PyObject *fromNumPy = nullptr;
  PyObject *cpu = nullptr;
  PyObject *emptyKeywords = nullptr;
  PyObject *module = nullptr;
  std::array<PyObject *, runtime::kNumDataTypes> dtypes{};
};
TorchInterface torch;
/// Kept for the life of the process too.
const TorchLibrary *library = nullptr;
/// The class of the tensors that stand for others while a program is traced.
PyTypeObject *tracedType = nullptr;

struct AttributeNames {
  PyObject *dtype = PyUnicode_InternFromString("dtype");
  PyObject *shape = PyUnicode_InternFromString("shape");
  PyObject *device = PyUnicode_InternFromString("device");
  PyObject *isCpu = PyUnicode_InternFromString("is_cpu");
  PyObject *requiresGrad = PyUnicode_InternFromString("requires_grad");
  PyObject *dataPtr = PyUnicode_InternFromString("data_ptr");
  PyObject *isContiguous = PyUnicode_InternFromString("is_contiguous");
  PyObject *stride = PyUnicode_InternFromString("stride");
  PyObject *contiguous = PyUnicode_InternFromString("contiguous");
  PyObject *isNeg = PyUnicode_InternFromString("is_neg");
  PyObject *resolveNeg = PyUnicode_InternFromString("resolve_neg");
  PyObject *cpu = PyUnicode_InternFromString("cpu");
  PyObject *numel = PyUnicode_InternFromString("numel");
  PyObject *isZeroTensor = PyUnicode_InternFromString("_is_zerotensor");
  PyObject *clone = PyUnicode_InternFromString("clone");
  PyObject *view = PyUnicode_InternFromString("view");
};
const AttributeNames &names() {
  static const AttributeNames *interned = new AttributeNames;
  return *interned;
}

nb::object checked(PyObject *result) {
  if (!result)
    throw nb::python_error();
  return nb::steal(result);
}
nb::object get(PyObject *object, PyObject *attribute) {
  return checked(PyObject_GetAttr(object, attribute));
}
nb::object call(PyObject *object, PyObject *method) {
  return checked(PyObject_CallMethodNoArgs(object, method));
}
bool isTrue(const nb::object &object) { return object.ptr() == Py_True; }

/// Null where the tensor must be asked through its attributes.
NativeTensor openNative(PyObject *tensor) { return library ? library->open(tensor) : nullptr; }

void *dataPointer(PyObject *tensor) {
  void *data = PyLong_AsVoidPtr(call(tensor, names().dataPtr).ptr());
  if (!data && PyErr_Occurred())
    throw nb::python_error();
  return data;
}

nb::object shapeTuple(const std::vector<int64_t> &shape) {
  nb::object tuple = checked(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  for (size_t i = 0; i < shape.size(); ++i)
    PyTuple_SET_ITEM(tuple.ptr(), static_cast<Py_ssize_t>(i),
                     checked(PyLong_FromLongLong(shape[i])).release().ptr());
  return tuple;
}

nb::object emptyTensor(DataType dtype, const std::vector<int64_t> &shape, PyObject *device) {
  nb::object extents = shapeTuple(shape);
  PyObject *arguments[] = {extents.ptr(), torch.dtypes[static_cast<size_t>(dtype)], device};
  return checked(PyObject_Vectorcall(torch.empty, arguments, 1, torch.emptyKeywords));
}

/// torch.empty_like takes half the time of torch.empty, whose arguments are
/// slow to read: small results are made after a remembered one.
nb::object smallTensor(DataType dtype, const std::vector<int64_t> &shape) {
  struct Prototype {
    DataType dtype;
    std::vector<int64_t> shape;
    PyObject *tensor = nullptr;
  };
  static auto *prototypes = new std::array<Prototype, 64>;
  size_t hash = static_cast<size_t>(dtype);
  for (int64_t extent : shape)
    hash = (hash ^ static_cast<size_t>(extent)) * 0x9E3779B97F4A7C15u;
  Prototype &slot = (*prototypes)[(hash >> 32) % prototypes->size()];
  if (slot.tensor && slot.dtype == dtype && slot.shape == shape)
    return checked(PyObject_CallOneArg(torch.emptyLike, slot.tensor));
  nb::object tensor = emptyTensor(dtype, shape, torch.cpu);
  nb::object prototype = checked(PyObject_CallOneArg(torch.emptyLike, tensor.ptr()));
  nb::object old = nb::steal(slot.tensor);
  slot = {dtype, shape, prototype.release().ptr()};
  return tensor;
}

/// A tensor over recycled memory, which its array base gives back.
nb::object newPooledTensor(DataType dtype, const std::vector<int64_t> &shape, void *&data) {
  requireNumPy();
  nb::object array = newArrayOfBits(dtype, shape, data);
  nb::object tensor = checked(PyObject_CallOneArg(torch.fromNumPy, array.ptr()));
  if (dtype != DataType::BF16)
    return tensor;
  return checked(PyObject_CallMethodOneArg(tensor.ptr(), names().view,
                                           torch.dtypes[static_cast<size_t>(dtype)]));
}

/// The torch.device objects met so far and what DLPack calls them: asking a tensor through the
/// protocol takes longer than a small kernel.
struct KnownDevice {
  PyObject *device;
  std::optional<runtime::TensorDevice> dlpack;
};
std::vector<KnownDevice> &knownDevices() {
  static auto *known = new std::vector<KnownDevice>;
  return *known;
}

void registerTorch(nb::handle module, bool withLibrary) {
  if (torch.module == module.ptr() && (library != nullptr) == withLibrary)
    return;
  TorchInterface loaded;
  auto take = [&](const char *name) { return nb::object(module.attr(name)).release().ptr(); };
  constexpr std::pair<DataType, const char *> kDTypes[] = {
      {DataType::I1, "bool"},     {DataType::I8, "int8"},       {DataType::I16, "int16"},
      {DataType::I32, "int32"},   {DataType::I64, "int64"},     {DataType::UI8, "uint8"},
      {DataType::UI16, "uint16"}, {DataType::UI32, "uint32"},   {DataType::UI64, "uint64"},
      {DataType::F16, "float16"}, {DataType::BF16, "bfloat16"}, {DataType::F32, "float32"},
      {DataType::F64, "float64"}};
  for (auto [dtype, name] : kDTypes)
    loaded.dtypes[static_cast<size_t>(dtype)] = take(name);
  loaded.isGradEnabled = take("is_grad_enabled");
  loaded.isAutocastEnabled = take("is_autocast_enabled");
  loaded.empty = take("empty");
  loaded.emptyLike = take("empty_like");
  loaded.fromNumPy = take("from_numpy");
  loaded.cpu = module.attr("device")("cpu").release().ptr();
  // The device by name: a program that changes torch's default device must
  // still get its results on the CPU.
  loaded.emptyKeywords = nb::make_tuple("dtype", "device").release().ptr();
  loaded.tensorType = reinterpret_cast<PyTypeObject *>(take("Tensor"));
  loaded.module = nb::borrow(module).release().ptr();
  torch = loaded;
  knownDevices().clear();
  std::optional<TorchLibrary> found;
  if (withLibrary)
    found = TorchLibrary::find(module, loaded.dtypes);
  library = found ? new TorchLibrary(*found) : nullptr;
}
} // namespace

bool isTensor(PyObject *object) {
  // Not isinstance(): torch overloads it.
  return torch.tensorType && PyType_IsSubtype(Py_TYPE(object), torch.tensorType) &&
         Py_TYPE(object) != tracedType;
}

void requireTorch() {
  if (!torch.tensorType)
    throw Error(ErrorKind::Program, "torch tensors are asked for, but torch is not registered");
}

bool hasDType(PyObject *tensor, DataType dtype) {
  if (NativeTensor native = openNative(tensor))
    if (std::optional<bool> answer = library->hasDType(native, dtype))
      return *answer;
  return get(tensor, names().dtype).ptr() == torch.dtypes[static_cast<size_t>(dtype)];
}

std::optional<DataType> tensorDType(PyObject *tensor) {
  nb::object dtype = get(tensor, names().dtype);
  for (size_t i = 0; i < torch.dtypes.size(); ++i)
    if (torch.dtypes[i] == dtype.ptr())
      return static_cast<DataType>(i);
  return std::nullopt;
}

bool isOnCPU(PyObject *tensor) {
  if (NativeTensor native = openNative(tensor))
    if (std::optional<bool> answer = library->isOnCPU(native))
      return *answer;
  return isTrue(get(tensor, names().isCpu));
}

std::optional<runtime::TensorDevice> deviceOfTensor(PyObject *tensor) {
  nb::object device = get(tensor, names().device);
  for (const KnownDevice &known : knownDevices()) {
    int same = PyObject_RichCompareBool(known.device, device.ptr(), Py_EQ);
    if (same < 0)
      throw nb::python_error();
    if (same)
      return known.dlpack;
  }
  std::optional<runtime::TensorDevice> dlpack = dlpackDevice(tensor);
  knownDevices().push_back({device.release().ptr(), dlpack});
  return dlpack;
}

uintptr_t currentStream(const runtime::TensorDevice &device) {
  if (device.type != kDLCUDA)
    return 0;
  // What torch.cuda.current_stream(index).cuda_stream gives, without making a stream object.
  nb::object stream =
      nb::borrow(torch.module).attr("_C").attr("_cuda_getCurrentRawStream")(device.index);
  return nb::cast<uintptr_t>(stream);
}

int tensorRank(PyObject *tensor) {
  return static_cast<int>(PyObject_Size(get(tensor, names().shape).ptr()));
}

bool tensorShape(PyObject *tensor, size_t rank, int64_t *shape) {
  if (NativeTensor native = openNative(tensor); native && library->shape(native, rank, shape))
    return true;
  nb::object extents = get(tensor, names().shape);
  if (!PyTuple_Check(extents.ptr()) || static_cast<size_t>(PyTuple_GET_SIZE(extents.ptr())) != rank)
    return false;
  for (size_t i = 0; i < rank; ++i) {
    PyObject *extent = PyTuple_GET_ITEM(extents.ptr(), static_cast<Py_ssize_t>(i));
    if (!PyLong_Check(extent))
      return false;
    shape[i] = PyLong_AsLongLong(extent);
  }
  return true;
}

bool requiresGrad(PyObject *tensor) {
  if (NativeTensor native = openNative(tensor))
    return library->requiresGrad(native);
  return isTrue(get(tensor, names().requiresGrad));
}

bool isGradEnabled() {
  if (library)
    return library->isGradEnabled();
  return torch.isGradEnabled && isTrue(checked(PyObject_CallNoArgs(torch.isGradEnabled)));
}

bool isAutocastEnabledOnCPU() {
  if (library)
    return library->isAutocastEnabledOnCPU();
  requireTorch();
  return isTrue(checked(PyObject_CallOneArg(torch.isAutocastEnabled, names().cpu)));
}

/// Ours where it can be made here: it takes all threads and memory that was used before.
static nb::object contiguousCopy(PyObject *tensor) {
  std::optional<DataType> dtype = tensorDType(tensor);
  const void *source = nullptr;
  if (dtype && isOnCPU(tensor) && !isTrue(call(tensor, names().isNeg)))
    source = dataPointer(tensor);
  if (!source)
    return call(tensor, names().contiguous);
  auto shape = nb::cast<std::vector<int64_t>>(get(tensor, names().shape));
  auto strides = nb::cast<std::vector<int64_t>>(call(tensor, names().stride));
  size_t bytes = runtime::byteSize(*dtype);
  for (int64_t &stride : strides)
    stride *= static_cast<int64_t>(bytes);
  void *data = nullptr;
  nb::object copy = newTensor(*dtype, shape, data);
  runtime::copyStrided(data, source, bytes, shape.size(), shape.data(), strides.data());
  return copy;
}

void *tensorData(PyObject *tensor, nb::object &holder) {
  if (NativeTensor native = openNative(tensor))
    if (void *data = library->directData(native))
      return data;
  if (!isTrue(call(tensor, names().isContiguous))) {
    holder = contiguousCopy(tensor);
    tensor = holder.ptr();
  }
  if (isTrue(call(tensor, names().isNeg))) {
    holder = call(tensor, names().resolveNeg);
    tensor = holder.ptr();
  }
  void *data = dataPointer(tensor);
  if (data || PyLong_AsLongLong(call(tensor, names().numel).ptr()) == 0)
    return data;
  // Gradients of constants have no memory until somebody copies them.
  if (!isTrue(call(tensor, names().isZeroTensor)))
    throw Error(ErrorKind::Data, "a tensor has elements but no memory: its storage was freed");
  holder = call(tensor, names().clone);
  return dataPointer(holder.ptr());
}

nb::object newTensor(DataType dtype, const std::vector<int64_t> &shape, void *&data) {
  size_t bytes = runtime::byteSize(dtype);
  for (int64_t extent : shape)
    bytes *= static_cast<size_t>(extent);
  if (bytes >= runtime::OutputPool::kThreshold)
    return newPooledTensor(dtype, shape, data);
  if (library)
    if (nb::object made = library->newTensor(dtype, shape, data); made.is_valid())
      return made;
  constexpr size_t kSmall = size_t(16) << 10;
  nb::object tensor =
      bytes <= kSmall ? smallTensor(dtype, shape) : emptyTensor(dtype, shape, torch.cpu);
  data = dataPointer(tensor.ptr());
  return tensor;
}

nb::object newTensorOn(const runtime::TensorDevice &device, DataType dtype,
                       const std::vector<int64_t> &shape, void *&data) {
  for (const KnownDevice &known : knownDevices())
    if (known.dlpack == device) {
      nb::object tensor = emptyTensor(dtype, shape, known.device);
      data = dataPointer(tensor.ptr());
      return tensor;
    }
  throw Error(ErrorKind::Device, "no torch tensor on the program's device has been seen");
}

std::string describeTensor(PyObject *object) {
  auto text = [&](const char *name) {
    nb::object attribute = nb::getattr(nb::handle(object), name);
    if (nb::isinstance<nb::tuple>(attribute)) // torch.Size prints its name
      attribute = nb::steal(PySequence_List(attribute.ptr()));
    return std::string(nb::str(nb::handle(attribute)).c_str());
  };
  return text("dtype") + " tensor of shape " + text("shape") + " on " + text("device");
}

void bindTorchTensors(nb::module_ &m) {
  m.def("register_torch", registerTorch, nb::arg("torch"), nb::arg("with_library") = true,
        "Hands over the torch module; until then no object is a tensor.\n\n"
        "with_library: whether tensors are read and made by torch's own functions, where the "
        "process has all that are needed and they answer as the attributes do.");
  m.def(
      "has_torch_library", [] { return library != nullptr; },
      "Whether torch's own functions are used; else tensors are asked for their attributes.");
  m.def(
      "register_traced_tensor",
      [](nb::handle type) {
        if (!PyType_Check(type.ptr()))
          throw nb::type_error("register_traced_tensor: expected a class");
        tracedType = reinterpret_cast<PyTypeObject *>(nb::borrow(type).release().ptr());
      },
      nb::arg("type"),
      "Hands over the class of tensors that have no memory, whatever device they show: no program "
      "takes them.");
}

} // namespace torsh::python
