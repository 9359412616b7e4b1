// SPDX-License-Identifier: Apache-2.0
// Calls of Python between kernels: arrays in, checked arrays out.
#include "HostFunctions.h"

#include "NumPyArrays.h"
#include "torshjit/Runtime/Error.h"

#include <cstring>
#include <vector>

namespace torsh::python {
namespace {
using runtime::Error;
using runtime::ErrorKind;
using runtime::HostCall;
using runtime::HostTensor;

std::vector<int64_t> shapeOf(const HostTensor &tensor) {
  return std::vector<int64_t>(tensor.shape, tensor.shape + tensor.rank);
}

nb::object inputOf(const HostTensor &tensor, bool isView) {
  void *data = tensor.data;
  if (isView)
    return newArrayView(tensor.dtype, shapeOf(tensor), data);
  nb::object copy = newArray(tensor.dtype, shapeOf(tensor), data);
  if (tensor.bytes)
    std::memcpy(data, tensor.data, tensor.bytes);
  makeReadOnly(copy.ptr());
  return copy;
}

std::string describe(const HostTensor &tensor) {
  std::string text = std::string(runtime::name(tensor.dtype)) + " of shape (";
  for (size_t axis = 0; axis < tensor.rank; ++axis)
    text += (axis ? ", " : "") + std::to_string(tensor.shape[axis]);
  return text + (tensor.rank == 1 ? ",)" : ")");
}

/// The operation that a name is of (host_functions.py).
std::string operationOf(const std::string &callee) {
  return callee.substr(0, callee.find_first_of("{#"));
}

void store(const HostCall &call, size_t number, nb::handle result) {
  const HostTensor &expected = call.outputs[number];
  nb::object array = asArray(result.ptr());
  ArrayView view = viewArray(array.ptr());
  bool sameType = view.dtype == expected.dtype;
  if (!sameType || std::vector<int64_t>(view.shape, view.shape + view.rank) != shapeOf(expected))
    throw Error(sameType ? ErrorKind::Shape : ErrorKind::DType,
                operationOf(call.callee) + ": result " + std::to_string(number) + " is a " +
                    describeArray(array.ptr()) + ", the program expects " + describe(expected) +
                    call.place);
  if (!expected.bytes)
    return;
  nb::object direct = view.direct ? array : directCopy(array.ptr());
  std::memcpy(expected.data, viewArray(direct.ptr()).data, expected.bytes);
}

void callPython(nb::handle function, bool takesViews, const HostCall &call) {
  nb::gil_scoped_acquire gil;
  nb::list arguments;
  for (const HostTensor &input : call.inputs)
    arguments.append(inputOf(input, takesViews));
  nb::object result = function(*arguments);
  if (call.outputs.size() == 1 && !nb::isinstance<nb::tuple>(result) &&
      !nb::isinstance<nb::list>(result)) {
    store(call, 0, result);
    return;
  }
  size_t count = result.is_none() ? 0 : nb::len(result);
  if (count != call.outputs.size())
    throw Error(ErrorKind::Program, operationOf(call.callee) + ": the function returned " +
                                        std::to_string(count) + " results, the program expects " +
                                        std::to_string(call.outputs.size()) + call.place);
  for (size_t i = 0; i < count; ++i)
    store(call, i, nb::object(result[i]));
}
} // namespace

runtime::HostFunction hostFunctionOf(nb::handle entry) {
  if (nb::isinstance<nb::int_>(entry)) {
    auto address = nb::cast<uintptr_t>(entry);
    if (!address)
      throw nb::value_error("host_functions: the address of a C function is 0");
    return runtime::hostFunction(reinterpret_cast<TorshHostFunction>(address));
  }
  if (!PyCallable_Check(entry.ptr()))
    throw nb::type_error("host_functions: expected callables or addresses of C functions");
  bool takesViews = nb::hasattr(entry, "takes_views") && nb::cast<bool>(entry.attr("takes_views"));
  return [entry, takesViews](const HostCall &call) { callPython(entry, takesViews, call); };
}

} // namespace torsh::python
