// SPDX-License-Identifier: Apache-2.0
// C functions as functions of the host.
#include "torshjit/Runtime/HostFunction.h"

#include "torshjit/Runtime/Error.h"

#include <string_view>
#include <utility>

namespace torsh::runtime {
namespace {
int32_t elementType(DataType dtype) {
  // By name: the numbers are part of the ABI, the order of DataType is not.
  static constexpr std::pair<std::string_view, TorshElementType> kTypes[] = {
      {"i1", TORSH_BOOL},   {"i8", TORSH_I8},   {"i16", TORSH_I16},   {"i32", TORSH_I32},
      {"i64", TORSH_I64},   {"f16", TORSH_F16}, {"bf16", TORSH_BF16}, {"f32", TORSH_F32},
      {"f64", TORSH_F64},   {"ui8", TORSH_UI8}, {"ui16", TORSH_UI16}, {"ui32", TORSH_UI32},
      {"ui64", TORSH_UI64},
  };
  for (const auto &[text, type] : kTypes)
    if (text == name(dtype))
      return type;
  throw Error(ErrorKind::DType, "C functions take no elements of type " + std::string(name(dtype)));
}

std::vector<TorshHostTensor> describe(const std::vector<HostTensor> &tensors) {
  std::vector<TorshHostTensor> result;
  result.reserve(tensors.size());
  for (const HostTensor &tensor : tensors)
    result.push_back(
        {tensor.data, tensor.shape, static_cast<int32_t>(tensor.rank), elementType(tensor.dtype)});
  return result;
}
} // namespace

HostFunction hostFunction(TorshHostFunction function) {
  return [function](const HostCall &call) {
    std::vector<TorshHostTensor> inputs = describe(call.inputs);
    std::vector<TorshHostTensor> outputs = describe(call.outputs);
    int32_t status = function(inputs.data(), static_cast<int32_t>(inputs.size()), outputs.data(),
                              static_cast<int32_t>(outputs.size()));
    if (status)
      throw Error(ErrorKind::Program, "the C function of \"" + call.callee + "\" returned " +
                                          std::to_string(status) + call.place);
  };
}

} // namespace torsh::runtime
