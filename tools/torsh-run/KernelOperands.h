// SPDX-License-Identifier: Apache-2.0
// The memory a kernel is run on: one buffer for each operand, of random elements.

#ifndef TORSHJIT_TOOLS_TORSH_RUN_KERNELOPERANDS_H
#define TORSHJIT_TOOLS_TORSH_RUN_KERNELOPERANDS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Support/LLVM.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mlir::torsh {

/// Extents from the command line: one list for each operand, from the first on.
using OperandShapes = std::vector<std::vector<int64_t>>;

/// Parses "8x512,512x256"; an empty entry leaves an operand as it is, and "scalar"
/// is a shape without axes.
FailureOr<OperandShapes> parseShapes(StringRef text);

/// What a kernel's entry takes, in the order of the kernel ABI.
class KernelOperands {
public:
  /// Buffers for a kernel of memref arguments, as every phase from linalg on has
  /// it. `shapes` says the '?' extents; what it does not say is an error.
  static FailureOr<KernelOperands> create(func::FuncOp kernel, const OperandShapes &shapes);

  void *const *pointers() const { return addresses.data(); }
  const int64_t *sizes() const { return extents.data(); }
  /// The bytes of all operands: what a kernel moves at least.
  int64_t totalBytes() const { return total; }

private:
  struct Free {
    size_t bytes;
    void operator()(void *memory) const;
  };
  std::vector<std::unique_ptr<void, Free>> buffers;
  std::vector<void *> addresses;
  std::vector<int64_t> extents;
  int64_t total = 0;
};

} // namespace mlir::torsh

#endif // TORSHJIT_TOOLS_TORSH_RUN_KERNELOPERANDS_H
