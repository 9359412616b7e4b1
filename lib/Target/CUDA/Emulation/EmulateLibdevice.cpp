// SPDX-License-Identifier: Apache-2.0
// libdevice's functions by the C library's, whose f32 forms are within 2 units in the
// last place as well.

#include "EmulatorCalls.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"

using namespace mlir;
using namespace mlir::torsh::cuda;

/// Whether the C library has a function of this name and its meaning; those of f32
/// have the suffix `f`.
static bool isMathFunction(StringRef name) {
  static constexpr StringLiteral kNames[] = {
      "acos",     "acosh", "asin",  "asinh", "atan",      "atan2",  "atanh",     "cbrt",  "ceil",
      "copysign", "cos",   "cosh",  "erf",   "erfc",      "exp",    "exp10",     "exp2",  "expm1",
      "fabs",     "fdim",  "floor", "fma",   "fmax",      "fmin",   "fmod",      "hypot", "lgamma",
      "log",      "log10", "log1p", "log2",  "nearbyint", "pow",    "remainder", "rint",  "round",
      "sin",      "sinh",  "sqrt",  "tan",   "tanh",      "tgamma", "trunc"};
  return llvm::is_contained(kNames, name);
}

LogicalResult mlir::torsh::cuda::emulateLibdevice(LLVM::CallOp call, StringRef function) {
  OpBuilder builder(call);
  Location loc = call.getLoc();
  bool isF32 = call.getNumResults() == 1 && call.getResult().getType().isF32();
  StringRef name = function;
  name.consume_front("__nv_");
  // The hardware's approximation: the exact function is at least as good.
  name.consume_front("fast_");
  StringRef stem = isF32 ? name.drop_back(name.ends_with("f")) : name;
  if (stem == "rsqrt") {
    // Through double, so that it is rounded once.
    Type type = call.getResult().getType(), wide = builder.getF64Type();
    Value x = call.getArgOperands().front();
    if (isF32)
      x = LLVM::FPExtOp::create(builder, loc, wide, x);
    Value one = LLVM::ConstantOp::create(builder, loc, wide, builder.getF64FloatAttr(1));
    Value result =
        LLVM::FDivOp::create(builder, loc, one, LLVM::SqrtOp::create(builder, loc, wide, x));
    if (isF32)
      result = LLVM::FPTruncOp::create(builder, loc, type, result);
    call.getResult().replaceAllUsesWith(result);
    call.erase();
    return success();
  }
  if (call.getNumResults() != 1 || !isMathFunction(stem))
    return call.emitOpError("calls ")
           << function << ", which the CUDA emulator has no function for";
  Operation *module = call->getParentWithTrait<OpTrait::SymbolTable>();
  FailureOr<LLVM::LLVMFuncOp> target = LLVM::lookupOrCreateFn(
      builder, module, name, llvm::to_vector(call.getArgOperands().getTypes()),
      call.getResult().getType());
  if (failed(target))
    return failure();
  auto replacement = LLVM::CallOp::create(builder, loc, *target, call.getArgOperands());
  call.getResult().replaceAllUsesWith(replacement.getResult());
  call.erase();
  return success();
}
