// SPDX-License-Identifier: Apache-2.0
// Conversions to bf16 as GPUs do them: to the nearest, subnormal numbers included.
// Processors have no instruction, or one that takes subnormal numbers for zero.

#include "EmulatorCalls.h"

using namespace mlir;
using namespace mlir::torsh::cuda;

/// One number as bf16.
static Value round(OpBuilder &builder, Location loc, Operation *op, Value value,
                   EmulatorCalls &calls) {
  Type f64 = builder.getF64Type();
  if (isa<LLVM::SIToFPOp>(op))
    value = LLVM::SIToFPOp::create(builder, loc, f64, value);
  else if (isa<LLVM::UIToFPOp>(op))
    value = LLVM::UIToFPOp::create(builder, loc, f64, value);
  else if (value.getType() != f64)
    value = LLVM::FPExtOp::create(builder, loc, f64, value);
  Value bits = calls.callPlain(builder, loc, TORSH_EMULATOR_FUNCTION(round_bf16),
                               builder.getI16Type(), value);
  return LLVM::BitcastOp::create(builder, loc, builder.getBF16Type(), bits);
}

void mlir::torsh::cuda::emulateRounding(Operation *op, EmulatorCalls &calls) {
  if (!isa<LLVM::FPTruncOp, LLVM::SIToFPOp, LLVM::UIToFPOp>(op) ||
      !getElementTypeOrSelf(op->getResult(0).getType()).isBF16())
    return;
  OpBuilder builder(op);
  Location loc = op->getLoc();
  Value source = op->getOperand(0), result;
  if (auto vector = dyn_cast<VectorType>(op->getResult(0).getType())) {
    result = LLVM::PoisonOp::create(builder, loc, vector);
    for (int64_t i = 0; i < vector.getNumElements(); ++i) {
      Value place = EmulatorCalls::constant(builder, loc, i);
      Value element = LLVM::ExtractElementOp::create(builder, loc, source, place);
      element = round(builder, loc, op, element, calls);
      result = LLVM::InsertElementOp::create(builder, loc, result, element, place);
    }
  } else {
    result = round(builder, loc, op, source, calls);
  }
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
}
