// SPDX-License-Identifier: Apache-2.0
// Conversions between element types.

#include "ElementRules.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::torsh;

using Operands = ArrayRef<Value>;

/// The element type of the result, where an index counts as i64.
static Type resultElement(Operation *op) {
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  return element.isIndex() ? IntegerType::get(op->getContext(), 64) : element;
}

static Value bitcast(TensorBuilder &t, Value x, Type element) {
  if (x && TensorBuilder::elementOf(x) == element)
    return x;
  return t.op("bitcast", {x}, t.builder().getNamedAttr("dtype", TypeAttr::get(element)));
}

static Type unsignedType(Type element) {
  return IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth(),
                          IntegerType::Unsigned);
}

/// Integers taken as unsigned ones; bools are that.
static Value asUnsigned(TensorBuilder &t, Value x) {
  return t.isBool(x) ? x : bitcast(t, x, unsignedType(TensorBuilder::elementOf(x)));
}

/// To a wider or another type, with true as minus one.
static Value fromSigned(TensorBuilder &t, Value x, Type element) {
  Value wide = t.cast(x, element);
  return t.isBool(x) ? t.op("neg", {wide}) : wide;
}

/// To fewer bits; a single one is the last bit, not whether there is one.
static Value truncate(TensorBuilder &t, Value x, Type element) {
  if (element.isInteger(1) && !t.isBool(x))
    x = t.op("and", {x, t.like(x, 1)});
  return t.cast(x, element);
}

static Value fromSignedOp(TensorBuilder &t, Operation *op, Operands x) {
  return fromSigned(t, x[0], resultElement(op));
}

static Value extendUnsigned(TensorBuilder &t, Operation *op, Operands x) {
  Type element = resultElement(op);
  if (t.isBool(x[0]))
    return t.cast(x[0], element);
  return bitcast(t, t.cast(asUnsigned(t, x[0]), unsignedType(element)), element);
}

/// Between an index and an integer, of more or fewer bits.
template <bool isSigned> static Value castIndex(TensorBuilder &t, Operation *op, Operands x) {
  Type element = resultElement(op);
  unsigned from = TensorBuilder::elementOf(x[0]).getIntOrFloatBitWidth();
  if (element.getIntOrFloatBitWidth() <= from)
    return truncate(t, x[0], element);
  return isSigned ? fromSignedOp(t, op, x) : extendUnsigned(t, op, x);
}

template <typename OpTy> static Value convertFloat(TensorBuilder &t, Operation *op, Operands x) {
  if (auto truncation = dyn_cast<arith::TruncFOp>(op))
    if (std::optional<arith::RoundingMode> mode = truncation.getRoundingmode())
      if (*mode != arith::RoundingMode::to_nearest_even)
        return {};
  return t.cast(x[0], resultElement(op));
}

void mlir::torsh::populateConversionRules(ElementRules &rules) {
  rules.add<arith::ExtFOp>(convertFloat<arith::ExtFOp>);
  rules.add<arith::TruncFOp>(convertFloat<arith::TruncFOp>);
  rules.add<arith::ExtSIOp>(fromSignedOp);
  rules.add<arith::SIToFPOp>(fromSignedOp);
  rules.add<arith::ExtUIOp>(extendUnsigned);
  rules.add<arith::UIToFPOp>([](TensorBuilder &t, Operation *op, Operands x) {
    return t.cast(asUnsigned(t, x[0]), resultElement(op));
  });
  rules.add<arith::TruncIOp>([](TensorBuilder &t, Operation *op, Operands x) {
    return truncate(t, x[0], resultElement(op));
  });
  rules.add<arith::FPToSIOp>([](TensorBuilder &t, Operation *op, Operands x) {
    Type element = resultElement(op);
    return element.isInteger(1) ? Value() : t.cast(x[0], element);
  });
  rules.add<arith::FPToUIOp>([](TensorBuilder &t, Operation *op, Operands x) {
    Type element = resultElement(op);
    if (element.isInteger(1))
      return Value();
    return bitcast(t, t.cast(x[0], unsignedType(element)), element);
  });
  rules.add<arith::IndexCastOp>(castIndex<true>);
  rules.add<arith::IndexCastUIOp>(castIndex<false>);
  rules.add<arith::BitcastOp>([](TensorBuilder &t, Operation *op, Operands x) {
    return bitcast(t, x[0], resultElement(op));
  });
  rules.add<tensor::BitcastOp>([](TensorBuilder &t, Operation *op, Operands x) {
    return bitcast(t, x[0], resultElement(op));
  });
}
