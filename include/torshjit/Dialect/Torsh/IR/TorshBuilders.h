// SPDX-License-Identifier: Apache-2.0
// Short names for building torsh operations, so that a decomposition or a
// rewrite reads like the formula it stands for.

#ifndef TORSHJIT_DIALECT_TORSH_IR_TORSHBUILDERS_H
#define TORSHJIT_DIALECT_TORSH_IR_TORSHBUILDERS_H

#include "mlir/IR/Builders.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

namespace mlir::torsh {

/// Builds torsh operations at the insertion point of a builder.
class GraphBuilder {
public:
  GraphBuilder(OpBuilder &builder, Location loc) : b(builder), loc(loc) {}

  Value add(Value x, Value y) { return AddOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return SubOp::create(b, loc, x, y); }
  Value mul(Value x, Value y) { return MulOp::create(b, loc, x, y); }
  Value div(Value x, Value y) { return DivOp::create(b, loc, x, y); }
  Value neg(Value x) { return NegOp::create(b, loc, x); }
  Value exp(Value x) { return ExpOp::create(b, loc, x); }
  Value log(Value x) { return LogOp::create(b, loc, x); }
  Value rsqrt(Value x) { return RsqrtOp::create(b, loc, x); }
  Value sum(Value x, ArrayRef<int64_t> axes, bool keepdims) {
    return SumOp::create(b, loc, x, axes, keepdims);
  }
  Value mean(Value x, ArrayRef<int64_t> axes, bool keepdims) {
    return MeanOp::create(b, loc, x, axes, keepdims);
  }
  Value amax(Value x, ArrayRef<int64_t> axes, bool keepdims) {
    return AmaxOp::create(b, loc, x, axes, keepdims);
  }

  /// `x` as `type`, itself if it has it already.
  Value cast(Value x, Type type) {
    if (elementType(x) == type)
      return x;
    return CastOp::create(b, loc, x, type);
  }
  /// f16 and bf16 as f32, in which sums and exponentials are computed.
  Value widen(Value x) {
    return isa<Float16Type, BFloat16Type>(elementType(x)) ? cast(x, b.getF32Type()) : x;
  }
  /// A constant without axes, in the element type of `x`.
  Value scalarLike(Value x, double value) {
    auto type = RankedTensorType::get({}, elementType(x));
    Attribute element = isa<FloatType>(elementType(x))
                            ? Attribute(b.getFloatAttr(elementType(x), value))
                            : b.getIntegerAttr(elementType(x), static_cast<int64_t>(value));
    return ConstantOp::create(b, loc, DenseElementsAttr::get(type, element));
  }
  /// `x` under a shape with at most one `?`.
  Value reshape(Value x, ArrayRef<int64_t> shape) {
    return ReshapeOp::create(b, loc, RankedTensorType::get(shape, elementType(x)), x, ValueRange{});
  }

private:
  static Type elementType(Value x) {
    return mlir::cast<RankedTensorType>(x.getType()).getElementType();
  }

  OpBuilder &b;
  Location loc;
};

} // namespace mlir::torsh

#endif // TORSHJIT_DIALECT_TORSH_IR_TORSHBUILDERS_H
