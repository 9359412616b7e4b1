// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic of arith. Integers have no sign there: an operation on unsigned ones takes
// the bits of its operands as such.

#include "ElementRules.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::torsh;

using P = ComparePredicate;

static Value asUnsigned(TensorBuilder &t, Value x) {
  Type element = TensorBuilder::elementOf(x);
  if (element.isInteger(1))
    return t.cast(x, IntegerType::get(element.getContext(), 8, IntegerType::Unsigned));
  Type type = IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth(),
                               IntegerType::Unsigned);
  return t.op("bitcast", {x}, t.builder().getNamedAttr("dtype", TypeAttr::get(type)));
}

static Value asSignless(TensorBuilder &t, Value x, Type element) {
  if (element.isInteger(1))
    return t.cast(x, element);
  return t.op("bitcast", {x}, t.builder().getNamedAttr("dtype", TypeAttr::get(element)));
}

/// A binary operation of torsh on the unsigned operands.
static Value onUnsigned(TensorBuilder &t, StringRef mnemonic, ArrayRef<Value> x) {
  Value result = t.op(mnemonic, {asUnsigned(t, x[0]), asUnsigned(t, x[1])});
  return asSignless(t, result, TensorBuilder::elementOf(x[0]));
}

/// The same operation on integers and on bools, whose arithmetic is modulo two.
template <typename OpTy>
static void addModular(ElementRules &rules, ElementRule integers, ElementRule bools) {
  static const ElementRule onIntegers = integers, onBools = bools;
  rules.add<OpTy>([](TensorBuilder &t, Operation *op, ArrayRef<Value> x) {
    return (t.isBool(x[0]) ? onBools : onIntegers)(t, op, x);
  });
}

template <const char *mnemonic>
static Value direct(TensorBuilder &t, Operation *, ArrayRef<Value> x) {
  return t.op(mnemonic, x);
}
static constexpr char kAdd[] = "add", kSub[] = "sub", kMul[] = "mul", kAnd[] = "and", kOr[] = "or",
                      kXor[] = "xor", kMaximum[] = "maximum", kMinimum[] = "minimum";

/// Whether floor and truncation differ: the quotient is negative and not exact.
static Value isRoundedDown(TensorBuilder &t, ArrayRef<Value> x, Value rest) {
  Value signsDiffer = t.op("xor", {t.isNegative(x[0]), t.isNegative(x[1])});
  return t.both(t.compare(P::ne, rest, t.like(rest, 0)), signsDiffer);
}

static Value compareIntegers(TensorBuilder &t, Operation *op, ArrayRef<Value> x) {
  using I = arith::CmpIPredicate;
  I predicate = cast<arith::CmpIOp>(op).getPredicate();
  if (predicate == I::eq || predicate == I::ne)
    return t.compare(predicate == I::eq ? P::eq : P::ne, x[0], x[1]);
  bool isUnsigned =
      predicate == I::ult || predicate == I::ule || predicate == I::ugt || predicate == I::uge;
  P order = predicate == I::slt || predicate == I::ult   ? P::lt
            : predicate == I::sle || predicate == I::ule ? P::le
            : predicate == I::sgt || predicate == I::ugt ? P::gt
                                                         : P::ge;
  // Of bools, false is the smaller one; as signed numbers of one bit, true is -1.
  if (t.isBool(x[0]))
    return isUnsigned ? t.compare(order, x[0], x[1]) : t.compare(order, x[1], x[0]);
  if (isUnsigned)
    return t.compare(order, asUnsigned(t, x[0]), asUnsigned(t, x[1]));
  return t.compare(order, x[0], x[1]);
}

void mlir::torsh::populateIntegerRules(ElementRules &rules) {
  addModular<arith::AddIOp>(rules, direct<kAdd>, direct<kXor>);
  addModular<arith::SubIOp>(rules, direct<kSub>, direct<kXor>);
  addModular<arith::MulIOp>(rules, direct<kMul>, direct<kAnd>);
  addModular<arith::MaxSIOp>(rules, direct<kMaximum>, direct<kAnd>);
  addModular<arith::MinSIOp>(rules, direct<kMinimum>, direct<kOr>);
  rules.add<arith::AndIOp>(direct<kAnd>);
  rules.add<arith::OrIOp>(direct<kOr>);
  rules.add<arith::XOrIOp>(direct<kXor>);

  using Operands = ArrayRef<Value>;
  rules.add<arith::DivSIOp>([](TensorBuilder &t, Operation *, Operands x) {
    if (t.isBool(x[0]))
      return Value();
    Value floor = t.op("floor_divide", x), rest = t.op("remainder", x);
    return t.select(isRoundedDown(t, x, rest), t.op("add", {floor, t.like(floor, 1)}), floor);
  });
  rules.add<arith::RemSIOp>([](TensorBuilder &t, Operation *, Operands x) {
    if (t.isBool(x[0]))
      return Value();
    Value rest = t.op("remainder", x);
    return t.select(isRoundedDown(t, x, rest), t.op("sub", {rest, x[1]}), rest);
  });
  rules.add<arith::FloorDivSIOp>([](TensorBuilder &t, Operation *, Operands x) {
    return t.isBool(x[0]) ? Value() : t.op("floor_divide", x);
  });
  rules.add<arith::CeilDivSIOp>([](TensorBuilder &t, Operation *, Operands x) {
    if (t.isBool(x[0]))
      return Value();
    Value floor = t.op("floor_divide", x), rest = t.op("remainder", x);
    Value isExact = t.compare(P::eq, rest, t.like(rest, 0));
    return t.select(isExact, floor, t.op("add", {floor, t.like(floor, 1)}));
  });
  rules.add<arith::DivUIOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return onUnsigned(t, "floor_divide", x); });
  rules.add<arith::RemUIOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return onUnsigned(t, "remainder", x); });
  rules.add<arith::CeilDivUIOp>([](TensorBuilder &t, Operation *, Operands x) {
    Value n = asUnsigned(t, x[0]), d = asUnsigned(t, x[1]);
    Value floor = t.op("floor_divide", {n, d}), rest = t.op("remainder", {n, d});
    Value isExact = t.compare(P::eq, rest, t.like(rest, 0));
    Value result = t.select(isExact, floor, t.op("add", {floor, t.like(floor, 1)}));
    return asSignless(t, result, TensorBuilder::elementOf(x[0]));
  });
  rules.add<arith::MaxUIOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return onUnsigned(t, "maximum", x); });
  rules.add<arith::MinUIOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return onUnsigned(t, "minimum", x); });
  rules.add<arith::ShLIOp>([](TensorBuilder &t, Operation *, Operands x) {
    return t.isBool(x[0]) ? Value() : t.op("shift_left", x);
  });
  rules.add<arith::ShRSIOp>([](TensorBuilder &t, Operation *, Operands x) {
    return t.isBool(x[0]) ? Value() : t.op("shift_right", x);
  });
  rules.add<arith::ShRUIOp>([](TensorBuilder &t, Operation *, Operands x) {
    return t.isBool(x[0]) ? Value() : onUnsigned(t, "shift_right", x);
  });
  rules.add<arith::CmpIOp>(compareIntegers);
}
