// SPDX-License-Identifier: Apache-2.0
// Finds torch's functions, tries them, and calls them.
#include "TorchLibrary.h"

#include "InlineArray.h"

#include <nanobind/stl/string.h>

#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#endif

#include <cstring>
#include <string>

namespace torsh::python {
namespace {
#if defined(__unix__) || defined(__APPLE__)
#ifdef __APPLE__
constexpr const char *kSuffix = ".dylib";
#else
constexpr const char *kSuffix = ".so";
#endif

/// One of torch's libraries, which is in the process already or not taken at all.
void *loadedLibrary(const std::string &folder, const std::string &name) {
  std::string file = name + kSuffix;
  if (void *library = dlopen((folder + "/lib/" + file).c_str(), RTLD_LAZY | RTLD_NOLOAD))
    return library;
  return dlopen(file.c_str(), RTLD_LAZY | RTLD_NOLOAD);
}

template <typename F> bool take(void *library, const char *name, F &function) {
  function = library ? reinterpret_cast<F>(dlsym(library, name)) : nullptr;
  return function;
}
#endif

nb::object emptyOf(nb::handle module, std::vector<int64_t> shape, nb::handle dtype) {
  nb::list extents;
  for (int64_t extent : shape)
    extents.append(extent);
  return module.attr("empty")(extents, nb::arg("dtype") = dtype, nb::arg("device") = "cpu");
}
} // namespace

std::optional<TorchLibrary>
TorchLibrary::find(nb::handle module,
                   const std::array<PyObject *, runtime::kNumDataTypes> &dtypes) {
  TorchLibrary library;
  try {
    if (!library.load(module))
      return std::nullopt;
    nb::handle f32 = dtypes[static_cast<size_t>(DataType::F32)];
    nb::object matrix = emptyOf(module, {2, 3}, f32), vector = emptyOf(module, {5}, f32);
    nb::object parameter = module.attr("nn").attr("Parameter")(vector);
    nb::object fixed = module.attr("nn").attr("Parameter")(matrix, false);
    std::vector<nb::object> samples = {matrix,
                                       vector,
                                       parameter,
                                       fixed,
                                       vector[nb::slice(nb::int_(1), nb::int_(3), nb::int_(1))],
                                       matrix.attr("t")(),
                                       module.attr("_neg_view")(vector),
                                       emptyOf(module, {0, 4}, f32)};
    // A mode that replaces new tensors by others is active: at the next registration, perhaps.
    for (const nb::object &sample : samples)
      if (Py_TYPE(sample.ptr()) != library.tensorType &&
          Py_TYPE(sample.ptr()) != library.parameterType)
        return std::nullopt;
    if (!library.locateReference(samples) || !library.learnDTypes(module, dtypes) ||
        library.getLayout(library.open(matrix.ptr()), &library.strided))
      return std::nullopt;
    for (const nb::object &sample : samples)
      if (!library.answersLikeAttributes(sample))
        return std::nullopt;
    if (!library.requiresGrad(library.open(parameter.ptr())) || !library.makesTensors(module))
      return std::nullopt;
  } catch (const nb::python_error &) {
    // A name that this torch lacks; the exception goes with its holder.
    return std::nullopt;
  }
  return library;
}

bool TorchLibrary::load(nb::handle module) {
#if defined(__unix__) || defined(__APPLE__)
  tensorType = reinterpret_cast<PyTypeObject *>(module.attr("Tensor").ptr());
  parameterType = reinterpret_cast<PyTypeObject *>(module.attr("nn").attr("Parameter").ptr());
  auto folder = nb::cast<std::string>(module.attr("__path__")[nb::int_(0)]);
  void *core = loadedLibrary(folder, "libc10"), *cpu = loadedLibrary(folder, "libtorch_cpu"),
       *python = loadedLibrary(folder, "libtorch_python");
  return take(cpu, "aoti_torch_get_dtype", getDType) &&
         take(cpu, "aoti_torch_get_device_type", getDeviceType) &&
         take(cpu, "aoti_torch_get_layout", getLayout) &&
         take(cpu, "aoti_torch_get_dim", getRank) && take(cpu, "aoti_torch_get_sizes", getSizes) &&
         take(cpu, "aoti_torch_is_contiguous", getContiguous) &&
         take(cpu, "aoti_torch_get_data_ptr", getDataPointer) &&
         take(cpu, "aoti_torch_empty_strided", emptyStrided) &&
         take(cpu, "aoti_torch_delete_tensor_object", deleteTensor) &&
         take(cpu, "_ZN2at6native6is_negERKNS_6TensorE", isNegated) &&
         take(cpu, "_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE", autocast) &&
         take(core, "_ZNK3c1010TensorImpl13requires_gradEv", implRequiresGrad) &&
         take(core, "_ZN3c108GradMode10is_enabledEv", gradMode) &&
         take(python, "_Z16THPVariable_WrapRKN2at10TensorBaseE", wrap);
#else
  return false;
#endif
}

/// The word of an object that is the address of its implementation, which is what its reference
/// consists of; the same one in all of `tensors`.
bool TorchLibrary::locateReference(const std::vector<nb::object> &tensors) {
  auto size = static_cast<size_t>(tensorType->tp_basicsize);
  size_t found = 0;
  for (size_t offset = sizeof(PyObject); offset + sizeof(void *) <= size;
       offset += sizeof(void *)) {
    bool everywhere = true;
    for (const nb::object &tensor : tensors) {
      void *word;
      std::memcpy(&word, reinterpret_cast<char *>(tensor.ptr()) + offset, sizeof(word));
      void *address = PyLong_AsVoidPtr(nb::object(tensor.attr("_cdata")).ptr());
      everywhere &= address && word == address;
    }
    if (!everywhere)
      continue;
    if (found)
      return false;
    found = offset;
  }
  referenceOffset = found;
  return found;
}

bool TorchLibrary::learnDTypes(nb::handle module,
                               const std::array<PyObject *, runtime::kNumDataTypes> &dtypes) {
  dtypeCodes.fill(-1);
  for (size_t i = 0; i < dtypes.size(); ++i) {
    if (!dtypes[i])
      continue;
    nb::object sample = emptyOf(module, {0}, dtypes[i]);
    NativeTensor tensor = open(sample.ptr());
    if (!tensor || getDType(tensor, &dtypeCodes[i]))
      return false;
    for (size_t j = 0; j < i; ++j)
      if (dtypeCodes[j] == dtypeCodes[i])
        return false;
  }
  return true;
}

bool TorchLibrary::answersLikeAttributes(nb::handle object) const {
  NativeTensor tensor = open(object.ptr());
  nb::object extents = object.attr("shape");
  size_t rank = nb::len(extents);
  InlineArray<int64_t, 4> native(rank);
  if (!shape(tensor, rank, native.data()))
    return false;
  int64_t elements = 1;
  for (size_t i = 0; i < rank; ++i) {
    if (nb::cast<int64_t>(extents[i]) != native[i])
      return false;
    elements *= native[i];
  }
  auto truth = [&](const char *method) { return nb::cast<bool>(object.attr(method)()); };
  bool isDirect = elements && truth("is_contiguous") && !truth("is_neg");
  void *address = PyLong_AsVoidPtr(nb::object(object.attr("data_ptr")()).ptr());
  return isOnCPU(tensor) == std::optional(true) &&
         hasDType(tensor, DataType::F32) == std::optional(true) &&
         hasDType(tensor, DataType::F64) == std::optional(false) &&
         requiresGrad(tensor) == nb::cast<bool>(object.attr("requires_grad")) &&
         directData(tensor) == (isDirect ? address : nullptr);
}

bool TorchLibrary::makesTensors(nb::handle module) const {
  void *data = nullptr;
  nb::object made = newTensor(DataType::F32, {3, 2}, data);
  return made.is_valid() && Py_TYPE(made.ptr()) == tensorType && answersLikeAttributes(made) &&
         data == directData(open(made.ptr())) &&
         gradMode() == nb::cast<bool>(module.attr("is_grad_enabled")()) &&
         autocast(kCPU) == nb::cast<bool>(module.attr("is_autocast_enabled")("cpu"));
}

std::optional<bool> TorchLibrary::hasDType(NativeTensor tensor, DataType dtype) const {
  int32_t code;
  if (getDType(tensor, &code))
    return std::nullopt;
  return code == dtypeCodes[static_cast<size_t>(dtype)];
}

std::optional<bool> TorchLibrary::isOnCPU(NativeTensor tensor) const {
  int32_t device;
  if (getDeviceType(tensor, &device))
    return std::nullopt;
  return device == kCPU;
}

bool TorchLibrary::shape(NativeTensor tensor, size_t rank, int64_t *shape) const {
  int64_t found;
  int64_t *sizes;
  if (getRank(tensor, &found) || static_cast<size_t>(found) != rank || getSizes(tensor, &sizes))
    return false;
  for (size_t i = 0; i < rank; ++i)
    shape[i] = sizes[i];
  return true;
}

bool TorchLibrary::requiresGrad(NativeTensor tensor) const {
  const void *implementation;
  std::memcpy(&implementation, tensor, sizeof(implementation));
  return implRequiresGrad(implementation);
}

void *TorchLibrary::directData(NativeTensor tensor) const {
  int32_t layout;
  bool isContiguous;
  void *data;
  // The layout first: the other questions are errors for some.
  if (getLayout(tensor, &layout) || layout != strided || getContiguous(tensor, &isContiguous) ||
      !isContiguous || isNegated(tensor) || getDataPointer(tensor, &data))
    return nullptr;
  return data;
}

nb::object TorchLibrary::newTensor(DataType dtype, const std::vector<int64_t> &shape,
                                   void *&data) const {
  InlineArray<int64_t, 8> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i] > 1 ? shape[i] : 1;
  }
  NativeTensor handle;
  if (emptyStrided(static_cast<int64_t>(shape.size()), shape.data(), strides.data(),
                   dtypeCodes[static_cast<size_t>(dtype)], kCPU, 0, &handle))
    return {};
  int32_t failed = getDataPointer(handle, &data);
  PyObject *object = failed ? nullptr : wrap(handle);
  deleteTensor(handle);
  if (!object)
    PyErr_Clear();
  return nb::steal(object);
}

} // namespace torsh::python
