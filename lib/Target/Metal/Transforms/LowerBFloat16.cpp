// SPDX-License-Identifier: Apache-2.0
// Stores bf16 as i16 and computes it as f32.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERBFLOAT16PASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

/// The type with i16 for bf16: of a scalar or a memref.
Type storedAs(Type type) {
  Type i16 = IntegerType::get(type.getContext(), 16);
  if (type.isBF16())
    return i16;
  if (auto memref = dyn_cast<MemRefType>(type); memref && memref.getElementType().isBF16())
    return MemRefType::Builder(memref).setElementType(i16);
  return type;
}

struct Arithmetic {
  ImplicitLocOpBuilder b;

  Value constant(Type type, int64_t value) {
    return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
  }

  /// The f32 whose upper half is the i16 `x`.
  Value widen(Value x) {
    Value bits = arith::ExtUIOp::create(b, b.getI32Type(), x);
    bits = arith::ShLIOp::create(b, bits, constant(b.getI32Type(), 16));
    return arith::BitcastOp::create(b, b.getF32Type(), bits);
  }

  /// The i16 nearest to the f32 `x`, even where two are. Rounding a NaN could carry
  /// it over to infinity or zero.
  Value narrow(Value x) {
    Type i32 = b.getI32Type(), i16 = b.getI16Type();
    Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
    Value bits = arith::BitcastOp::create(b, i32, x);
    Value upper = arith::ShRUIOp::create(b, bits, constant(i32, 16));
    Value odd = arith::AndIOp::create(b, upper, constant(i32, 1));
    Value half = arith::AddIOp::create(b, odd, constant(i32, 0x7fff));
    Value rounded =
        arith::ShRUIOp::create(b, arith::AddIOp::create(b, bits, half), constant(i32, 16));
    Value quiet = arith::OrIOp::create(b, upper, constant(i32, 0x40));
    return arith::TruncIOp::create(b, i16, arith::SelectOp::create(b, isNaN, quiet, rounded));
  }
};

bool movesOnly(Operation *op) {
  // These neither compute nor look at the number.
  return !isa<arith::ArithDialect>(op->getDialect()) && op->getDialect()->getNamespace() != "math";
}

class LowerBFloat16Pass : public torsh::impl::LowerBFloat16PassBase<LowerBFloat16Pass> {
  void runOnOperation() override {
    SmallVector<Operation *> computing;
    getOperation().walk([&](Operation *op) {
      auto isBF16 = [](Type type) { return type.isBF16(); };
      bool concerned =
          llvm::any_of(op->getOperandTypes(), isBF16) || llvm::any_of(op->getResultTypes(), isBF16);
      if (concerned && !movesOnly(op) && !isa<arith::SelectOp>(op))
        computing.push_back(op);
    });
    // Uses are replaced first, while the types still say which values are meant.
    for (Operation *op : computing)
      if (failed(compute(op)))
        return signalPassFailure();

    getOperation().walk([](Operation *op) {
      for (Region &region : op->getRegions())
        for (BlockArgument argument : region.getArguments())
          argument.setType(storedAs(argument.getType()));
      for (Value result : op->getResults())
        result.setType(storedAs(result.getType()));
    });
    getOperation().walk([](UnrealizedConversionCastOp cast) {
      cast.getResult(0).replaceAllUsesWith(cast.getOperand(0));
      cast.erase();
    });
    getOperation().walk([](gpu::GPUFuncOp kernel) {
      kernel.setType(FunctionType::get(
          kernel.getContext(), llvm::map_to_vector(kernel.getArgumentTypes(), storedAs), {}));
    });
  }

  /// Replaces an operation on bf16 by one on f32 between conversions.
  LogicalResult compute(Operation *op) {
    Arithmetic f{ImplicitLocOpBuilder(op->getLoc(), op)};
    ImplicitLocOpBuilder &b = f.b;
    Type f32 = b.getF32Type();
    // What the values are called until all of them have their new type.
    Type bf16 = b.getBF16Type(), i16 = b.getI16Type();
    auto asBits = [&](Value x) -> Value {
      return UnrealizedConversionCastOp::create(b, i16, x).getResult(0);
    };
    auto fromBits = [&](Value x) -> Value {
      return UnrealizedConversionCastOp::create(b, bf16, x).getResult(0);
    };

    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<FloatAttr>(constant.getValue());
      if (!value)
        return op->emitOpError("is a constant of bf16 that is no scalar");
      APInt bits = value.getValue().bitcastToAPInt();
      replace(op, fromBits(f.constant(i16, bits.getSExtValue())));
      return success();
    }
    if (isa<arith::BitcastOp>(op)) {
      Value source = op->getOperand(0);
      Type type = op->getResult(0).getType();
      // The other side may be another half, which has to become bits as well.
      auto bitcast = [&](Type to, Value x) -> Value {
        return x.getType() == to ? x : arith::BitcastOp::create(b, to, x).getResult();
      };
      replace(op, type.isBF16() ? fromBits(bitcast(i16, source)) : bitcast(type, asBits(source)));
      return success();
    }
    if (isa<arith::ExtFOp>(op)) {
      Value wide = f.widen(asBits(op->getOperand(0)));
      Type type = op->getResult(0).getType();
      replace(op, type == f32 ? wide : arith::ExtFOp::create(b, type, wide));
      return success();
    }
    if (isa<arith::TruncFOp>(op)) {
      if (op->getOperand(0).getType() != f32)
        return op->emitOpError("rounds to bf16 from another type than f32");
      replace(op, fromBits(f.narrow(op->getOperand(0))));
      return success();
    }
    if (op->getNumRegions() != 0 || op->getNumResults() != 1)
      return op->emitOpError("on bf16 is not supported");

    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (operand.getType().isBF16() && !mapping.contains(operand))
        mapping.map(operand, f.widen(asBits(operand)));
    Operation *wide = b.clone(*op, mapping);
    Value result = wide->getResult(0);
    if (result.getType().isBF16()) {
      result.setType(f32);
      result = fromBits(f.narrow(result));
    }
    replace(op, result);
    return success();
  }

  void replace(Operation *op, Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }
};

} // namespace
