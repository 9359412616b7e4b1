// SPDX-License-Identifier: Apache-2.0
// Float arithmetic of arith, comparisons and selection. Flags of fast math allow, they never
// ask: they are left out.

#include "ElementRules.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::torsh;

using P = ComparePredicate;
using Operands = ArrayRef<Value>;

/// The C remainder, which has the sign of the dividend, also where it is zero.
static Value truncatedRemainder(TensorBuilder &t, Value x, Value y) {
  Value rest = t.op("remainder", {t.op("abs", {x}), t.op("abs", {y})});
  // 1 / -0 is negative too.
  Value isNegative = t.op("or", {t.isNegative(x), t.isNegative(t.op("reciprocal", {x}))});
  return t.select(isNegative, t.op("neg", {rest}), rest);
}

/// The larger or smaller operand, the other one where one is NaN.
static Value ignoringNaN(TensorBuilder &t, StringRef mnemonic, Value x, Value y) {
  Value result = t.op(mnemonic, {x, y});
  return t.select(t.isNaN(x), y, t.select(t.isNaN(y), x, result));
}

static Value compareFloats(TensorBuilder &t, Operation *op, Operands x) {
  using F = arith::CmpFPredicate;
  Value isUnordered = t.op("or", {t.isNaN(x[0]), t.isNaN(x[1])});
  // Comparisons of torsh are false for NaN, but for ne.
  auto unlessOrdered = [&](P inverse) { return t.invert(t.compare(inverse, x[0], x[1])); };
  switch (cast<arith::CmpFOp>(op).getPredicate()) {
  case F::AlwaysFalse:
    return t.both(isUnordered, t.invert(isUnordered));
  case F::AlwaysTrue:
    return t.op("or", {isUnordered, t.invert(isUnordered)});
  case F::OEQ:
    return t.compare(P::eq, x[0], x[1]);
  case F::OGT:
    return t.compare(P::gt, x[0], x[1]);
  case F::OGE:
    return t.compare(P::ge, x[0], x[1]);
  case F::OLT:
    return t.compare(P::lt, x[0], x[1]);
  case F::OLE:
    return t.compare(P::le, x[0], x[1]);
  case F::ONE:
    return t.both(t.compare(P::ne, x[0], x[1]), t.invert(isUnordered));
  case F::ORD:
    return t.invert(isUnordered);
  case F::UEQ:
    return t.op("or", {t.compare(P::eq, x[0], x[1]), isUnordered});
  case F::UGT:
    return unlessOrdered(P::le);
  case F::UGE:
    return unlessOrdered(P::lt);
  case F::ULT:
    return unlessOrdered(P::ge);
  case F::ULE:
    return unlessOrdered(P::gt);
  case F::UNE:
    return t.compare(P::ne, x[0], x[1]);
  case F::UNO:
    return isUnordered;
  }
  return {};
}

void mlir::torsh::populateFloatRules(ElementRules &rules) {
  rules.add<arith::AddFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("add", x); });
  rules.add<arith::SubFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("sub", x); });
  rules.add<arith::MulFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("mul", x); });
  rules.add<arith::DivFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("div", x); });
  rules.add<arith::NegFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("neg", x); });
  rules.add<arith::RemFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return truncatedRemainder(t, x[0], x[1]); });
  rules.add<arith::MaximumFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("maximum", x); });
  rules.add<arith::MinimumFOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("minimum", x); });
  rules.add<arith::MaxNumFOp>([](TensorBuilder &t, Operation *, Operands x) {
    return ignoringNaN(t, "maximum", x[0], x[1]);
  });
  rules.add<arith::MinNumFOp>([](TensorBuilder &t, Operation *, Operands x) {
    return ignoringNaN(t, "minimum", x[0], x[1]);
  });
  rules.add<arith::CmpFOp>(compareFloats);
  rules.add<arith::SelectOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.select(x[0], x[1], x[2]); });
}
