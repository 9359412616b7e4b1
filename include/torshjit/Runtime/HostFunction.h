// SPDX-License-Identifier: Apache-2.0
// Functions of the host that a program calls between its kernels.
#ifndef TORSHJIT_RUNTIME_HOSTFUNCTION_H
#define TORSHJIT_RUNTIME_HOSTFUNCTION_H

#include "torshjit/Runtime/DataType.h"
#include "torshjit/Runtime/HostFunctionABI.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace torsh::runtime {

/// A contiguous, row-major array in the host's memory.
struct HostTensor {
  DataType dtype;
  const int64_t *shape;
  size_t rank;
  void *data;
  size_t bytes;
};

/// One call; what it points to is valid until the function returns.
struct HostCall {
  /// The name in the program, and the user's line as `describePlace` writes it.
  const std::string &callee;
  const std::string &place;
  const std::vector<HostTensor> &inputs;
  const std::vector<HostTensor> &outputs;
};

/// Fills the outputs, or throws anything, which ends the program's call. Called from
/// the thread of that call, by several threads at once.
using HostFunction = std::function<void(const HostCall &)>;

/// A C function of the ABI in HostFunctionABI.h. The error for a result other than
/// 0 names the callee and the number.
HostFunction hostFunction(TorshHostFunction function);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_HOSTFUNCTION_H
