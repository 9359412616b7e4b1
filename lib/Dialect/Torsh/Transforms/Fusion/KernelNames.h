// SPDX-License-Identifier: Apache-2.0
// What kernels are called, and what kind they are.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_KERNELNAMES_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_KERNELNAMES_H

#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <string>

namespace mlir::torsh {

/// A name made of those of the operations, at most 48 characters long: the user
/// meets it in profiles and explanations.
std::string nameKernel(ArrayRef<Operation *> ops);

/// What shapes the loops of a kernel of these operations.
KernelKind classifyKernel(ArrayRef<Operation *> ops);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_KERNELNAMES_H
