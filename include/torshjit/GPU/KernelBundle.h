// SPDX-License-Identifier: Apache-2.0
// How the kernels of a program are launched, for the runtime.

#ifndef TORSHJIT_GPU_KERNELBUNDLE_H
#define TORSHJIT_GPU_KERNELBUNDLE_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace mlir::torsh::gpu {

/// The workgroup memory that a function declares.
int64_t getWorkgroupBytes(::mlir::gpu::GPUFuncOp function);

/// Describes the kernels of a module that the phase `device` left, as the runtime's
/// kernel bundle (docs/Runtime.md) has them: without "modules", "target" and
/// "architecture", which the target adds. The module of each kernel has the number
/// of its gpu.module.
llvm::json::Object describeKernels(ModuleOp module);

} // namespace mlir::torsh::gpu

#endif // TORSHJIT_GPU_KERNELBUNDLE_H
