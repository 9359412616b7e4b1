// SPDX-License-Identifier: Apache-2.0
// Scalars that build arith and math operations when they are computed with, so
// that an expansion reads like the formula it stands for.

#ifndef TORSHJIT_LIB_TARGET_MATH_SCALAR_H
#define TORSHJIT_LIB_TARGET_MATH_SCALAR_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"
#include <cmath>

namespace mlir::torsh::formulas {

/// A value and where to build what is computed from it. Arithmetic is that of the
/// value's type (f32, f64, i32, i64, i1); numbers beside a scalar are constants of its
/// type. A vector of such numbers will do as well.
class Scalar {
public:
  Scalar(ImplicitLocOpBuilder &builder, Value value) : builder(&builder), value(value) {}

  Value get() const { return value; }
  ImplicitLocOpBuilder &getBuilder() const { return *builder; }
  Type getElementType() const { return getElementTypeOrSelf(value.getType()); }
  bool isFloat() const { return isa<FloatType>(getElementType()); }

  /// A constant of this scalar's type; an integer of any sign that a double holds.
  Scalar constant(double number) const;
  /// A constant of this scalar's integer type, of these bits.
  Scalar integer(uint64_t bits) const;

  template <typename OpTy, typename... Args> Scalar make(Args &&...args) const {
    return {*builder, OpTy::create(*builder, std::forward<Args>(args)...)};
  }

private:
  ImplicitLocOpBuilder *builder;
  Value value;
};

Scalar operator+(Scalar x, Scalar y);
Scalar operator-(Scalar x, Scalar y);
Scalar operator*(Scalar x, Scalar y);
Scalar operator/(Scalar x, Scalar y);
Scalar operator&(Scalar x, Scalar y);
Scalar operator|(Scalar x, Scalar y);
Scalar operator^(Scalar x, Scalar y);
Scalar operator-(Scalar x);
Scalar operator!(Scalar x);
/// Shifts; to the right with the sign, or with zeros.
Scalar operator<<(Scalar x, Scalar y);
Scalar operator>>(Scalar x, Scalar y);
Scalar shiftRightLogical(Scalar x, Scalar y);
/// Comparisons: false for a NaN, but for !=; integers are signed.
Scalar operator<(Scalar x, Scalar y);
Scalar operator<=(Scalar x, Scalar y);
Scalar operator>(Scalar x, Scalar y);
Scalar operator>=(Scalar x, Scalar y);
Scalar operator==(Scalar x, Scalar y);
Scalar operator!=(Scalar x, Scalar y);

// The same with a number on one side.
#define TORSH_SCALAR_OPERATOR(OP)                                                                  \
  inline Scalar operator OP(Scalar x, double y) { return x OP x.constant(y); }                     \
  inline Scalar operator OP(double x, Scalar y) { return y.constant(x) OP y; }
TORSH_SCALAR_OPERATOR(+)
TORSH_SCALAR_OPERATOR(-)
TORSH_SCALAR_OPERATOR(*)
TORSH_SCALAR_OPERATOR(/)
TORSH_SCALAR_OPERATOR(&)
TORSH_SCALAR_OPERATOR(|)
TORSH_SCALAR_OPERATOR(^)
TORSH_SCALAR_OPERATOR(<<)
TORSH_SCALAR_OPERATOR(>>)
TORSH_SCALAR_OPERATOR(<)
TORSH_SCALAR_OPERATOR(<=)
TORSH_SCALAR_OPERATOR(>)
TORSH_SCALAR_OPERATOR(>=)
TORSH_SCALAR_OPERATOR(==)
TORSH_SCALAR_OPERATOR(!=)
#undef TORSH_SCALAR_OPERATOR

Scalar select(Scalar condition, Scalar x, Scalar y);
inline Scalar select(Scalar condition, Scalar x, double y) {
  return select(condition, x, x.constant(y));
}
inline Scalar select(Scalar condition, double x, Scalar y) {
  return select(condition, y.constant(x), y);
}

/// The bits of a float as an integer of its width, and back.
Scalar toBits(Scalar x);
Scalar fromBits(Scalar bits);
/// Conversions between floats and integers of their width, the first towards zero.
Scalar toInteger(Scalar x);
Scalar toFloat(Scalar x);

/// How numbers of a float type, or of the integer type of its width, are laid out.
struct Format {
  int mantissaBits;
  int bias;

  static Format of(Scalar x);
  bool isDouble() const { return mantissaBits == 52; }
  /// The smallest normal number's bits, and what they have of the mantissa.
  double smallestNormal() const { return std::ldexp(1.0, mantissaBits); }
  double mantissaMask() const { return smallestNormal() - 1; }
  /// The bits of 1.
  double one() const { return std::ldexp(bias, mantissaBits); }
};

Scalar abs(Scalar x);
Scalar floor(Scalar x);
Scalar roundEven(Scalar x);
Scalar isNaN(Scalar x);
/// The magnitude of `x` with the sign of `y`.
Scalar copySign(Scalar x, Scalar y);
/// 2 to the power of an integer that a normal number's exponent can be.
Scalar powerOfTwo(Scalar exponent);
/// `x` times 2 to the power of an integer within twice that range, rounded once or,
/// where the result is subnormal, twice.
Scalar scaleByPowerOfTwo(Scalar x, Scalar exponent);
/// The polynomial of these coefficients, the highest first, at `x`.
Scalar polynomial(Scalar x, ArrayRef<double> coefficients);

} // namespace mlir::torsh::formulas

#endif // TORSHJIT_LIB_TARGET_MATH_SCALAR_H
