// SPDX-License-Identifier: Apache-2.0
// torch's own functions, found by name in the libraries that the process has loaded: asking a
// tensor through its Python attributes takes longer than a small layer. Nothing of torch is linked
// or included.
#ifndef TORSHJIT_PYTHON_RUNTIME_TORCHLIBRARY_H
#define TORSHJIT_PYTHON_RUNTIME_TORCHLIBRARY_H

#include "torshjit/Runtime/DataType.h"

#include <nanobind/nanobind.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;
using runtime::DataType;

/// A tensor as torch's C interface takes it: the address of its reference to the implementation.
/// Valid while the object is.
using NativeTensor = void *;

class TorchLibrary {
public:
  /// Looks for the functions and tries each on tensors of `module`: where one is missing or
  /// answers otherwise than the attributes do, there is no library, and the attributes are used.
  /// `dtypes` are torch's, by DataType.
  static std::optional<TorchLibrary>
  find(nb::handle module, const std::array<PyObject *, runtime::kNumDataTypes> &dtypes);

  /// Null for objects of other classes than Tensor and Parameter, which may overload attributes.
  NativeTensor open(PyObject *object) const {
    PyTypeObject *type = Py_TYPE(object);
    if (type != tensorType && type != parameterType)
      return nullptr;
    return reinterpret_cast<char *>(object) + referenceOffset;
  }

  /// Nothing below throws or sets an exception: an empty answer is for the attributes to give,
  /// with torch's own error.
  std::optional<bool> hasDType(NativeTensor tensor, DataType dtype) const;
  std::optional<bool> isOnCPU(NativeTensor tensor) const;
  /// The extents, when there are `rank`.
  bool shape(NativeTensor tensor, size_t rank, int64_t *shape) const;
  bool requiresGrad(NativeTensor tensor) const;
  bool isGradEnabled() const { return gradMode(); }
  bool isAutocastEnabledOnCPU() const { return autocast(kCPU); }
  /// The address of dense, contiguous elements that no lazy negation awaits, else null. Null for
  /// empty tensors too.
  void *directData(NativeTensor tensor) const;
  /// An uninitialised contiguous tensor on the CPU.
  nb::object newTensor(DataType dtype, const std::vector<int64_t> &shape, void *&data) const;

private:
  static constexpr int32_t kCPU = 0;

  bool load(nb::handle module);
  bool locateReference(const std::vector<nb::object> &tensors);
  bool learnDTypes(nb::handle module, const std::array<PyObject *, runtime::kNumDataTypes> &dtypes);
  bool answersLikeAttributes(nb::handle tensor) const;
  bool makesTensors(nb::handle module) const;

  PyTypeObject *tensorType = nullptr;
  PyTypeObject *parameterType = nullptr;
  size_t referenceOffset = 0;
  int32_t strided = 0; ///< torch's number of the layout
  std::array<int32_t, runtime::kNumDataTypes> dtypeCodes{};

  // torch/csrc/inductor/aoti_torch/c/shim.h, whose functions return 0 for success.
  int32_t (*getDType)(NativeTensor, int32_t *) = nullptr;
  int32_t (*getDeviceType)(NativeTensor, int32_t *) = nullptr;
  int32_t (*getLayout)(NativeTensor, int32_t *) = nullptr;
  int32_t (*getRank)(NativeTensor, int64_t *) = nullptr;
  int32_t (*getSizes)(NativeTensor, int64_t **) = nullptr;
  int32_t (*getContiguous)(NativeTensor, bool *) = nullptr;
  int32_t (*getDataPointer)(NativeTensor, void **) = nullptr;
  int32_t (*emptyStrided)(int64_t, const int64_t *, const int64_t *, int32_t, int32_t, int32_t,
                          NativeTensor *) = nullptr;
  int32_t (*deleteTensor)(NativeTensor) = nullptr;
  // Functions of C++, by their mangled names: another signature would be another name.
  bool (*isNegated)(NativeTensor) = nullptr;        ///< at::native::is_neg
  bool (*implRequiresGrad)(const void *) = nullptr; ///< c10::TensorImpl::requires_grad
  bool (*gradMode)() = nullptr;                     ///< c10::GradMode::is_enabled
  bool (*autocast)(int8_t) = nullptr;               ///< at::autocast::is_autocast_enabled
  PyObject *(*wrap)(NativeTensor) = nullptr;        ///< THPVariable_Wrap
};

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_TORCHLIBRARY_H
