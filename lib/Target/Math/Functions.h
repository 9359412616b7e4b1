// SPDX-License-Identifier: Apache-2.0
// Functions of f32 and f64 as arithmetic. None of them relies on fused operations, and
// none is harmed by them. Where no other error is given, results are within three units in the
// last place, but for subnormal ones, and special cases are those of C.

#ifndef TORSHJIT_LIB_TARGET_MATH_FUNCTIONS_H
#define TORSHJIT_LIB_TARGET_MATH_FUNCTIONS_H

#include "Scalar.h"

namespace mlir::torsh::formulas {

Scalar exponential(Scalar x);
Scalar exponentialBase2(Scalar x);
/// exp(x) - 1.
Scalar exponentialMinusOne(Scalar x);
Scalar logarithm(Scalar x);
/// log(1 + x).
Scalar logarithmOnePlus(Scalar x);
Scalar tangentHyperbolic(Scalar x);
/// The error function, of f64 alone.
Scalar errorFunction(Scalar x);

Scalar sine(Scalar x);
Scalar cosine(Scalar x);
/// The angle of the point (x, y).
Scalar arctangent(Scalar y, Scalar x);

Scalar power(Scalar x, Scalar y);
/// That of the quotient rounded towards zero; exact.
Scalar remainder(Scalar x, Scalar y);

} // namespace mlir::torsh::formulas

#endif // TORSHJIT_LIB_TARGET_MATH_FUNCTIONS_H
