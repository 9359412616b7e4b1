// SPDX-License-Identifier: Apache-2.0
// The functions of math. What torsh lacks is a formula of what it has, computed in f32 for f16
// and bf16.

#include "ElementRules.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace mlir::torsh;

using P = ComparePredicate;
using Operands = ArrayRef<Value>;

namespace {

/// Formulas over tensors; numbers take the type of the other operand.
struct Formula {
  TensorBuilder &t;

  Value add(Value x, Value y) const { return t.op("add", {x, y}); }
  Value add(Value x, double y) const { return add(x, t.like(x, y)); }
  Value sub(Value x, Value y) const { return t.op("sub", {x, y}); }
  Value sub(double x, Value y) const { return sub(t.like(y, x), y); }
  Value mul(Value x, Value y) const { return t.op("mul", {x, y}); }
  Value mul(Value x, double y) const { return mul(x, t.like(x, y)); }
  Value div(Value x, Value y) const { return t.op("div", {x, y}); }
  Value unary(StringRef name, Value x) const { return t.op(name, {x}); }
  Value exp(Value x) const { return unary("exp", x); }
  Value abs(Value x) const { return unary("abs", x); }
  Value sqrt(Value x) const { return unary("sqrt", x); }
  /// `magnitude`, which is not negative, with the sign of `x`.
  Value signedAs(Value magnitude, Value x) const {
    // 1 / -0 is negative too.
    Value negative = t.op("or", {t.isNegative(x), t.isNegative(unary("reciprocal", x))});
    return t.select(negative, unary("neg", magnitude), magnitude);
  }
};

using FormulaBody = Value (*)(const Formula &f, Operands x);

/// A formula as a rule; the half-precision types are computed in f32.
template <typename OpTy, FormulaBody body>
Value computed(TensorBuilder &t, Operation *, Operands operands) {
  Type element = TensorBuilder::elementOf(operands[0]);
  bool isHalf = isa<Float16Type, BFloat16Type>(element);
  SmallVector<Value> x(operands);
  if (isHalf)
    for (Value &value : x)
      value = t.cast(value, Float32Type::get(element.getContext()));
  Value result = body({t}, x);
  return isHalf && t.isFloat(result) ? t.cast(result, element) : result;
}

Value hyperbolicSine(const Formula &f, Operands x) {
  // (e - 1 / (e + 1)) / 2 with e = exp(|x|) - 1 is exact near zero; far out it overflows with exp.
  Value magnitude = f.abs(x[0]), e = f.unary("expm1", magnitude);
  Value near = f.mul(f.add(e, f.div(e, f.add(e, 1))), 0.5);
  Value half = f.exp(f.mul(magnitude, 0.5));
  Value far = f.mul(f.mul(half, 0.5), half);
  Value isFar = f.t.compare(P::gt, magnitude, f.t.like(magnitude, 20));
  return f.signedAs(f.t.select(isFar, far, near), x[0]);
}

Value hyperbolicCosine(const Formula &f, Operands x) {
  Value half = f.exp(f.mul(f.abs(x[0]), 0.5));
  Value grown = f.mul(f.mul(half, 0.5), half);
  return f.add(grown, f.div(f.t.like(x[0], 0.25), grown));
}

Value inverseHyperbolicSine(const Formula &f, Operands x) {
  // log1p(a + a^2 / (1 + sqrt(a^2 + 1))); beyond 1e4, where the square may overflow, log(2 a).
  Value a = f.abs(x[0]), square = f.mul(a, a);
  Value near = f.unary("log1p", f.add(a, f.div(square, f.add(f.sqrt(f.add(square, 1)), 1))));
  Value far = f.add(f.unary("log", a), M_LN2);
  Value isFar = f.t.compare(P::gt, a, f.t.like(a, 1e9));
  return f.signedAs(f.t.select(isFar, far, near), x[0]);
}

Value inverseHyperbolicCosine(const Formula &f, Operands x) {
  Value beyond = f.add(x[0], -1), root = f.sqrt(f.mul(beyond, f.add(x[0], 1)));
  Value near = f.unary("log1p", f.add(beyond, root));
  Value far = f.add(f.unary("log", x[0]), M_LN2);
  return f.t.select(f.t.compare(P::gt, x[0], f.t.like(x[0], 1e9)), far, near);
}

Value roundAwayFromZero(const Formula &f, Operands x) {
  Value whole = f.unary("trunc", x[0]), rest = f.abs(f.sub(x[0], whole));
  Value isHalfway = f.t.compare(P::ge, rest, f.t.like(rest, 0.5));
  Value magnitude = f.abs(whole);
  return f.signedAs(f.t.select(isHalfway, f.add(magnitude, 1), magnitude), x[0]);
}

Value cubeRoot(const Formula &f, Operands x) {
  Value magnitude = f.abs(x[0]);
  Value root = f.t.op("pow", {magnitude, f.t.like(magnitude, 1.0 / 3)});
  // One step of Newton's method makes up for the third that is rounded.
  Value better =
      f.sub(root, f.div(f.sub(root, f.div(magnitude, f.mul(root, root))), f.t.like(root, 3)));
  Value isPlain = f.t.both(f.t.compare(P::gt, magnitude, f.t.like(magnitude, 0)),
                           f.t.compare(P::lt, magnitude, f.t.like(magnitude, INFINITY)));
  return f.signedAs(f.t.select(isPlain, better, root), x[0]);
}

} // namespace

template <typename OpTy> static void addNamed(ElementRules &rules) {
  // The dialects call these functions the same.
  rules.add<OpTy>([](TensorBuilder &t, Operation *op, Operands x) {
    return t.op(op->getName().stripDialect(), x);
  });
}

template <typename OpTy, FormulaBody body> static void addFormula(ElementRules &rules) {
  rules.add<OpTy>(computed<OpTy, body>);
}

// Formulas of one line.
static Value arcTangent(const Formula &f, Operands x) {
  return f.t.op("atan2", {x[0], f.t.like(x[0], 1)});
}
static Value cosineOfSine(const Formula &f, Value x) {
  return f.sqrt(f.mul(f.sub(1, x), f.add(x, 1)));
}
static Value arcSine(const Formula &f, Operands x) {
  return f.t.op("atan2", {x[0], cosineOfSine(f, x[0])});
}
static Value arcCosine(const Formula &f, Operands x) {
  return f.t.op("atan2", {cosineOfSine(f, x[0]), x[0]});
}
static Value tangent(const Formula &f, Operands x) {
  return f.div(f.unary("sin", x[0]), f.unary("cos", x[0]));
}
static Value inverseHyperbolicTangent(const Formula &f, Operands x) {
  Value a = f.abs(x[0]);
  return f.signedAs(f.mul(f.unary("log1p", f.div(f.mul(a, 2), f.sub(1, a))), 0.5), x[0]);
}
static Value complementOfErrorFunction(const Formula &f, Operands x) {
  return f.sub(1, f.unary("erf", x[0]));
}
static Value powerOfTwo(const Formula &f, Operands x) {
  return f.t.op("pow", {f.t.like(x[0], 2), x[0]});
}
static Value binaryLogarithm(const Formula &f, Operands x) {
  return f.mul(f.unary("log", x[0]), M_LOG2E);
}
static Value decimalLogarithm(const Formula &f, Operands x) {
  return f.mul(f.unary("log", x[0]), M_LOG10E);
}
static Value multiplyAdd(const Formula &f, Operands x) { return f.add(f.mul(x[0], x[1]), x[2]); }
static Value copySign(const Formula &f, Operands x) { return f.signedAs(f.abs(x[0]), x[1]); }
static Value clamp(const Formula &f, Operands x) {
  return f.t.op("maximum", {f.t.op("minimum", {x[0], x[2]}), x[1]});
}
static Value isInfinite(const Formula &f, Operands x) {
  return f.t.compare(P::eq, f.abs(x[0]), f.t.like(x[0], INFINITY));
}
static Value isFinite(const Formula &f, Operands x) {
  return f.t.compare(P::lt, f.abs(x[0]), f.t.like(x[0], INFINITY));
}

void mlir::torsh::populateMathRules(ElementRules &rules) {
  addNamed<math::CeilOp>(rules);
  addNamed<math::CosOp>(rules);
  addNamed<math::ErfOp>(rules);
  addNamed<math::ExpOp>(rules);
  addNamed<math::ExpM1Op>(rules);
  addNamed<math::FloorOp>(rules);
  addNamed<math::LogOp>(rules);
  addNamed<math::Log1pOp>(rules);
  addNamed<math::RsqrtOp>(rules);
  addNamed<math::SinOp>(rules);
  addNamed<math::SqrtOp>(rules);
  addNamed<math::TanhOp>(rules);
  addNamed<math::TruncOp>(rules);
  addNamed<math::Atan2Op>(rules);
  addNamed<math::IsNaNOp>(rules);
  auto absolute = [](TensorBuilder &t, Operation *, Operands x) { return t.op("abs", x); };
  rules.add<math::AbsFOp>(absolute);
  rules.add<math::AbsIOp>([](TensorBuilder &t, Operation *, Operands x) {
    return t.isBool(x[0]) ? Value() : t.op("abs", x);
  });
  rules.add<math::PowFOp>([](TensorBuilder &t, Operation *, Operands x) { return t.op("pow", x); });
  rules.add<math::IPowIOp>([](TensorBuilder &t, Operation *, Operands x) {
    return t.isBool(x[0]) ? Value() : t.op("pow", x);
  });
  rules.add<math::FPowIOp>([](TensorBuilder &t, Operation *, Operands x) {
    return t.isBool(x[1]) ? Value()
                          : t.op("pow", {x[0], t.cast(x[1], TensorBuilder::elementOf(x[0]))});
  });
  rules.add<math::RoundEvenOp>(
      [](TensorBuilder &t, Operation *, Operands x) { return t.op("round", x); });
  addFormula<math::AtanOp, arcTangent>(rules);
  addFormula<math::AsinOp, arcSine>(rules);
  addFormula<math::AcosOp, arcCosine>(rules);
  addFormula<math::TanOp, tangent>(rules);
  addFormula<math::SinhOp, hyperbolicSine>(rules);
  addFormula<math::CoshOp, hyperbolicCosine>(rules);
  addFormula<math::AsinhOp, inverseHyperbolicSine>(rules);
  addFormula<math::AcoshOp, inverseHyperbolicCosine>(rules);
  addFormula<math::AtanhOp, inverseHyperbolicTangent>(rules);
  addFormula<math::CbrtOp, cubeRoot>(rules);
  addFormula<math::ErfcOp, complementOfErrorFunction>(rules);
  addFormula<math::Exp2Op, powerOfTwo>(rules);
  addFormula<math::Log2Op, binaryLogarithm>(rules);
  addFormula<math::Log10Op, decimalLogarithm>(rules);
  addFormula<math::RoundOp, roundAwayFromZero>(rules);
  addFormula<math::FmaOp, multiplyAdd>(rules);
  addFormula<math::CopySignOp, copySign>(rules);
  addFormula<math::ClampFOp, clamp>(rules);
  addFormula<math::IsInfOp, isInfinite>(rules);
  addFormula<math::IsFiniteOp, isFinite>(rules);
}
