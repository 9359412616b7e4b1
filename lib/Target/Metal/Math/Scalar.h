// SPDX-License-Identifier: Apache-2.0
// Scalars that build arith and math operations when they are computed with, so
// that an expansion reads like the formula it stands for.

#ifndef TORSHJIT_LIB_TARGET_METAL_MATH_SCALAR_H
#define TORSHJIT_LIB_TARGET_METAL_MATH_SCALAR_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::torsh::metal {

/// A value and where to build what is computed from it. Arithmetic is that of the
/// value's type (f32, i32, i1); numbers beside a scalar are constants of its type.
class Scalar {
public:
  Scalar(ImplicitLocOpBuilder &builder, Value value) : builder(&builder), value(value) {}

  Value get() const { return value; }
  ImplicitLocOpBuilder &getBuilder() const { return *builder; }
  bool isFloat() const { return isa<FloatType>(value.getType()); }

  /// A constant of this scalar's type.
  Scalar constant(double number) const;
  Scalar constant(Type type, double number) const;

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

/// The bits of an f32 as an i32, and back.
Scalar toBits(Scalar x);
Scalar fromBits(Scalar bits);
/// Conversions between f32 and i32, the first towards zero.
Scalar toInteger(Scalar x);
Scalar toFloat(Scalar x);

Scalar abs(Scalar x);
Scalar floor(Scalar x);
Scalar roundEven(Scalar x);
Scalar isNaN(Scalar x);
/// The magnitude of `x` with the sign of `y`.
Scalar copySign(Scalar x, Scalar y);
/// 2 to the power of an integer in [-126, 127].
Scalar powerOfTwo(Scalar exponent);
/// `x` times 2 to the power of an integer in [-252, 254], rounded once or, where the
/// result is subnormal, twice.
Scalar scaleByPowerOfTwo(Scalar x, Scalar exponent);
/// The polynomial of these coefficients, the highest first, at `x`.
Scalar polynomial(Scalar x, ArrayRef<double> coefficients);

} // namespace mlir::torsh::metal

#endif // TORSHJIT_LIB_TARGET_METAL_MATH_SCALAR_H
