// SPDX-License-Identifier: Apache-2.0
// Names and kinds of kernels.

#include "KernelNames.h"
#include "FusionGraph.h"

using namespace mlir;
using namespace mlir::torsh;

static constexpr size_t kMaxNameLength = 48;
static constexpr llvm::StringLiteral kCutMark = "_etc";

std::string mlir::torsh::nameKernel(ArrayRef<Operation *> ops) {
  std::string name;
  for (auto [number, op] : llvm::enumerate(ops)) {
    std::string word = op->getName().stripDialect().str();
    std::string longer = name.empty() ? word : name + "_" + word;
    size_t room = number + 1 == ops.size() ? kMaxNameLength : kMaxNameLength - kCutMark.size();
    if (longer.size() > room)
      return name + kCutMark.str();
    name = std::move(longer);
  }
  return name;
}

KernelKind mlir::torsh::classifyKernel(ArrayRef<Operation *> ops) {
  KernelKind kind = KernelKind::movement;
  for (Operation *op : ops) {
    switch (getRole(op)) {
    case Role::Contraction:
      return KernelKind::contraction;
    case Role::Convolution:
    case Role::Pool:
      return KernelKind::window;
    case Role::Reduction:
    case Role::ArgReduction:
    case Role::Opaque:
      kind = KernelKind::reduction;
      break;
    case Role::Elementwise:
      if (kind == KernelKind::movement)
        kind = KernelKind::elementwise;
      break;
    case Role::IndexMap:
    case Role::Movement:
    case Role::View:
      break;
    }
  }
  return kind;
}
