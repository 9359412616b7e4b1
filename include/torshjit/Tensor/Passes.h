// SPDX-License-Identifier: Apache-2.0
// Device-neutral transformations of kernels on tensors.

#ifndef TORSHJIT_TENSOR_PASSES_H
#define TORSHJIT_TENSOR_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Pass/Pass.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Tensor/Passes.h.inc"

/// Whether `function` is a kernel, not the host function.
bool isKernel(func::FuncOp function);

/// Whether `op` is a product summed over shared loops, which is packed and tiled
/// for registers instead of being lowered to plain loops.
bool isContraction(Operation *op);

/// The operation to tile: the last one that computes a result of the kernel, or
/// null if there is none that can be tiled.
linalg::LinalgOp getTilingRoot(func::FuncOp kernel);

#define GEN_PASS_REGISTRATION
#include "torshjit/Tensor/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_TENSOR_PASSES_H
