// SPDX-License-Identifier: Apache-2.0
// How a kernel reaches the emulator: through the thread that it is given.

#ifndef TORSHJIT_TARGET_CUDA_EMULATION_EMULATORCALLS_H
#define TORSHJIT_TARGET_CUDA_EMULATION_EMULATORCALLS_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "torshjit/Runtime/Emulator/EmulatorABI.h"
#include <cstddef>

/// The place of a function in the emulator's table, for EmulatorCalls::call.
#define TORSH_EMULATOR_FUNCTION(name) offsetof(TorshEmulatorFunctions, name)
/// The place of a field of the emulated thread, for EmulatorCalls::loadField.
#define TORSH_EMULATED_THREAD(name) offsetof(TorshEmulatedThread, name)

namespace mlir::torsh::cuda {

/// Emits calls of the emulator into one kernel.
class EmulatorCalls {
public:
  EmulatorCalls(LLVM::LLVMFuncOp kernel, Value thread) : kernel(kernel), thread(thread) {}

  /// Calls the function at `place` of the table with the thread and `arguments`.
  /// Returns its result, or nothing if `result` is null.
  Value call(OpBuilder &builder, Location loc, size_t place, Type result, ValueRange arguments);
  /// The same for a function that does not take the thread.
  Value callPlain(OpBuilder &builder, Location loc, size_t place, Type result,
                  ValueRange arguments);
  Value loadField(OpBuilder &builder, Location loc, size_t place, Type type);
  /// Memory for `words` registers of 32 bits, of the kernel's whole run.
  Value allocateWords(OpBuilder &builder, Location loc, int64_t words);
  Value getWord(OpBuilder &builder, Location loc, Value words, int64_t number, Type type);
  void setWord(OpBuilder &builder, Location loc, Value words, int64_t number, Value value);
  static Value constant(OpBuilder &builder, Location loc, int64_t value, unsigned width = 32);
  /// A number that no other instruction of this kernel has.
  Value nextSite(OpBuilder &builder, Location loc) { return constant(builder, loc, ++sites); }

private:
  Value offset(OpBuilder &builder, Location loc, Value base, size_t bytes);
  LLVM::LLVMFuncOp kernel;
  Value thread;
  int64_t sites = 0;
};

/// Replaces an operation of the NVVM dialect, or reports one that the emulator does
/// not know.
LogicalResult emulateInstruction(Operation *op, EmulatorCalls &calls);

/// Replaces a call of libdevice by the C library's function, or reports one that it
/// has no function for.
LogicalResult emulateLibdevice(LLVM::CallOp call, StringRef function);

/// Calls the emulator before a load, a store or another access of memory.
LogicalResult instrumentAccess(Operation *op, EmulatorCalls &calls);

/// Replaces conversions to bf16, which processors round otherwise than GPUs do.
void emulateRounding(Operation *op, EmulatorCalls &calls);

} // namespace mlir::torsh::cuda

#endif // TORSHJIT_TARGET_CUDA_EMULATION_EMULATORCALLS_H
