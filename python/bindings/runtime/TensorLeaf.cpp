// SPDX-License-Identifier: Apache-2.0
// Matching of arrays, tensors and scalars against what a program expects.
#include "TensorLeaf.h"

#include "DLPack.h"
#include "NumPyArrays.h"
#include "TorchTensors.h"

#include <cstring>

namespace torsh::python {
namespace {
using runtime::ErrorKind;

std::string describe(PyObject *object) {
  if (isArray(object))
    return describeArray(object);
  if (isTensor(object))
    return describeTensor(object);
  return std::string("object of type ") + Py_TYPE(object)->tp_name;
}

std::string describe(const TensorSpec &spec) {
  static constexpr const char *kNames[] = {"NumPy array", "torch tensor", "NumPy scalar",
                                           "Python number", "DLPack tensor"};
  std::string text =
      std::string(runtime::name(spec.dtype)) + " " + kNames[static_cast<size_t>(spec.source)];
  if (spec.source == TensorSource::Scalar || spec.source == TensorSource::Number)
    return text;
  text += " of shape (";
  for (size_t i = 0; i < spec.shape.size(); ++i)
    text += (i ? ", " : "") + (spec.shape[i] < 0 ? "?" : std::to_string(spec.shape[i]));
  return text + ")";
}

bool reject(Mismatch *why, ErrorKind kind, const TensorSpec &spec, PyObject *object) {
  if (why)
    *why = {kind, spec.path + ": expected a " + describe(spec) + ", got a " + describe(object)};
  return false;
}

bool shapeFits(const TensorSpec &spec, const int64_t *shape) {
  for (size_t i = 0; i < spec.shape.size(); ++i)
    if (spec.shape[i] >= 0 && spec.shape[i] != shape[i])
      return false;
  return true;
}

/// Kernels take all arrays from one memory.
bool placeFits(const TensorSpec &spec, const LeafView &leaf, CallFrame &frame, PyObject *object,
               Mismatch *why) {
  if (!spec.device || (spec.shape.empty() && !leaf.onDevice))
    return true;
  if (!frame.placedBy) {
    frame.placedBy = &spec;
    frame.onDevice = leaf.onDevice;
  }
  if (frame.onDevice == leaf.onDevice)
    return true;
  if (why)
    *why = {ErrorKind::Device, spec.path + ": expected it " +
                                   (frame.onDevice ? "on the device" : "in the host's memory") +
                                   " as " + frame.placedBy->path + " is, got a " +
                                   describe(object)};
  return false;
}

bool matchArray(const TensorSpec &spec, PyObject *object, LeafView &leaf, CallFrame &frame,
                Mismatch *why) {
  if (!isArray(object))
    return reject(why, ErrorKind::DType, spec, object);
  ArrayView view = viewArray(object);
  if (view.dtype != spec.dtype)
    return reject(why, ErrorKind::DType, spec, object);
  if (static_cast<size_t>(view.rank) != spec.shape.size() || !shapeFits(spec, view.shape))
    return reject(why, ErrorKind::Shape, spec, object);
  leaf.data = view.direct ? view.data : nullptr;
  leaf.shape = view.shape;
  return placeFits(spec, leaf, frame, object, why);
}

bool matchTorch(const TensorSpec &spec, PyObject *object, LeafView &leaf, CallFrame &frame,
                Mismatch *why) {
  if (!isTensor(object) || !hasDType(object, spec.dtype))
    return reject(why, ErrorKind::DType, spec, object);
  int64_t *shape = frame.extents.data() + spec.shapeOffset;
  if (!tensorShape(object, spec.shape.size(), shape) || !shapeFits(spec, shape))
    return reject(why, ErrorKind::Shape, spec, object);
  if (!isOnCPU(object)) {
    if (!spec.device || deviceOfTensor(object) != spec.device)
      return reject(why, ErrorKind::Device, spec, object);
    leaf.onDevice = true;
  }
  leaf.shape = shape;
  return placeFits(spec, leaf, frame, object, why);
}

bool matchDLPack(const TensorSpec &spec, PyObject *object, LeafView &leaf, CallFrame &frame,
                 Mismatch *why) {
  // Arrays and tensors of torch have the protocol too, but are other arguments.
  if (isArrayOrSubclass(object) || isTensor(object) || !isDLPackProducer(object))
    return reject(why, ErrorKind::DType, spec, object);
  std::optional<runtime::TensorDevice> device = dlpackDevice(object);
  leaf.onDevice = device && device == spec.device;
  if (!device || !(leaf.onDevice || device->type == kDLCPU))
    return reject(why, ErrorKind::Device, spec, object);
  BorrowedTensor tensor = borrowTensor(object, *device);
  if (tensor.dtype != spec.dtype)
    return reject(why, ErrorKind::DType, spec, object);
  if (static_cast<size_t>(tensor.rank) != spec.shape.size() || !shapeFits(spec, tensor.shape))
    return reject(why, ErrorKind::Shape, spec, object);
  if (!tensor.direct) {
    if (why)
      *why = {ErrorKind::Shape,
              spec.path + ": expected a contiguous tensor, got a strided " + describe(object)};
    return false;
  }
  leaf.data = tensor.data;
  leaf.shape = tensor.shape;
  frame.copies.push_back(std::move(tensor.capsule));
  return placeFits(spec, leaf, frame, object, why);
}

bool matchNumber(const TensorSpec &spec, PyObject *object, LeafView &leaf, Mismatch *why) {
  if (spec.dtype == DataType::F64 && PyFloat_CheckExact(object)) {
    double value = PyFloat_AS_DOUBLE(object);
    std::memcpy(leaf.scalar, &value, sizeof(value));
  } else if (spec.dtype == DataType::I64 && PyLong_CheckExact(object)) {
    int overflow = 0;
    int64_t value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow)
      return reject(why, ErrorKind::DType, spec, object);
    std::memcpy(leaf.scalar, &value, sizeof(value));
  } else if (spec.dtype == DataType::I1 && PyBool_Check(object)) {
    leaf.scalar[0] = object == Py_True;
  } else {
    return reject(why, ErrorKind::DType, spec, object);
  }
  leaf.data = leaf.scalar;
  return true;
}
} // namespace

TensorSource parseTensorSource(const std::string &text) {
  if (text == "numpy")
    return TensorSource::NumPy;
  if (text == "torch")
    return TensorSource::Torch;
  if (text == "scalar")
    return TensorSource::Scalar;
  if (text == "number")
    return TensorSource::Number;
  if (text == "dlpack")
    return TensorSource::DLPack;
  throw nb::value_error(("unknown kind of array \"" + text + "\"").c_str());
}

CallFrame::~CallFrame() {
  for (size_t i = 0; i < leaves.size(); ++i)
    Py_XDECREF(leaves[i].object);
}

bool matchTensor(const TensorSpec &spec, PyObject *object, LeafView &leaf, CallFrame &frame,
                 Mismatch *why) {
  leaf.object = Py_NewRef(object);
  switch (spec.source) {
  case TensorSource::NumPy:
    return matchArray(spec, object, leaf, frame, why);
  case TensorSource::Torch:
    return matchTorch(spec, object, leaf, frame, why);
  case TensorSource::DLPack:
    return matchDLPack(spec, object, leaf, frame, why);
  case TensorSource::Scalar:
    if (!isScalar(object) || scalarDType(object) != spec.dtype)
      return reject(why, ErrorKind::DType, spec, object);
    readScalar(object, leaf.scalar);
    leaf.data = leaf.scalar;
    return true;
  case TensorSource::Number:
    break;
  }
  return matchNumber(spec, object, leaf, why);
}

void *tensorMemory(const TensorSpec &spec, LeafView &leaf, CallFrame &frame) {
  // DLPack's empty tensors lie nowhere.
  if (leaf.data || spec.source == TensorSource::DLPack)
    return leaf.data;
  nb::object copy;
  if (spec.source == TensorSource::Torch) {
    leaf.data = tensorData(leaf.object, copy);
  } else {
    copy = directCopy(leaf.object);
    leaf.data = viewArray(copy.ptr()).data;
  }
  if (copy.is_valid())
    frame.copies.push_back(std::move(copy));
  return leaf.data;
}

} // namespace torsh::python
