// SPDX-License-Identifier: Apache-2.0
// One array-like argument: what is expected of it, and its memory in a call.
#ifndef TORSHJIT_PYTHON_RUNTIME_TENSORLEAF_H
#define TORSHJIT_PYTHON_RUNTIME_TENSORLEAF_H

#include "InlineArray.h"
#include "torshjit/Runtime/DataType.h"
#include "torshjit/Runtime/Device.h"
#include "torshjit/Runtime/Error.h"

#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;
using runtime::DataType;

enum class TensorSource {
  NumPy,  ///< numpy.ndarray
  Torch,  ///< torch.Tensor
  Scalar, ///< numpy.generic, read as an array of rank 0
  Number, ///< Python's float (f64), int (i64) or bool (i1), likewise
  DLPack, ///< any other object with __dlpack__
};

/// Throws nb::value_error for unknown names.
TensorSource parseTensorSource(const std::string &text);

struct TensorSpec {
  TensorSource source = TensorSource::NumPy;
  DataType dtype = DataType::F32;
  std::vector<int64_t> shape; ///< negative: any extent
  std::string path;           ///< "argument 0['x']", for messages
  size_t shapeOffset = 0;     ///< where in CallFrame::extents its shape goes
  /// The device whose memory is as good as the host's.
  std::optional<runtime::TensorDevice> device;
};

/// Without initialisers, so that a frame clears only the leaves it uses.
struct LeafView {
  PyObject *object; ///< owned by the frame
  void *data;
  const int64_t *shape;
  bool onDevice;
  alignas(16) char scalar[16];
};

/// Why the arguments do not fit; made only when no specialization does.
struct Mismatch {
  runtime::ErrorKind kind = runtime::ErrorKind::Program;
  std::string text;
};

/// The arguments of one call against one specialization. It owns its leaves,
/// since other threads may change the containers that hold them.
class CallFrame {
public:
  CallFrame(size_t numLeaves, size_t numExtents) : leaves(numLeaves), extents(numExtents) {}
  ~CallFrame();
  CallFrame(const CallFrame &) = delete;
  CallFrame &operator=(const CallFrame &) = delete;

  InlineArray<LeafView, 12> leaves;
  InlineArray<int64_t, 48> extents;
  std::vector<nb::object> copies;

  /// The first argument that decided where the call's arrays lie, and whether that is the device.
  /// Numbers and arrays of rank 0 on the host go with either.
  const TensorSpec *placedBy = nullptr;
  bool onDevice = false;
};

/// Whether `object` is what `spec` expects; fills in the view, the data of
/// torch tensors and strided arrays excepted.
bool matchTensor(const TensorSpec &spec, PyObject *object, LeafView &leaf, CallFrame &frame,
                 Mismatch *why);

/// The address of the leaf's elements, copied where kernels cannot read them
/// in place. Throws nb::python_error.
void *tensorMemory(const TensorSpec &spec, LeafView &leaf, CallFrame &frame);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_TENSORLEAF_H
