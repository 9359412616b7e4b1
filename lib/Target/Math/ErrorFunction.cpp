// SPDX-License-Identifier: Apache-2.0
// erf of f64, by the rational functions of FreeBSD's msun (s_erf.c).

#include "Functions.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

namespace {

/// The ratio of two polynomials, the highest coefficients first.
Scalar ratio(Scalar x, ArrayRef<double> numerator, ArrayRef<double> denominator) {
  return polynomial(x, numerator) / polynomial(x, denominator);
}

/// Below 0.84375: x + x * ratio of x^2.
Scalar nearZero(Scalar x) {
  return x + x * ratio(x * x,
                       {-2.37630166566501626084e-05, -5.77027029648944159157e-03,
                        -2.84817495755985104766e-02, -3.25042107247001499370e-01,
                        1.28379167095512558561e-01},
                       {-3.96022827877536812320e-06, 1.32494738004321644526e-04,
                        5.08130628187576562776e-03, 6.50222499887672944485e-02,
                        3.97917223959155352819e-01, 1.0});
}

/// Below 1.25: around 1.
Scalar nearOne(Scalar x) {
  return 8.45062911510467529297e-01 +
         ratio(x - 1,
               {-2.16637559486879084300e-03, 3.54783043256182359371e-02,
                -1.10894694282396677476e-01, 3.18346619901161753674e-01,
                -3.72207876035701323847e-01, 4.14856118683748331666e-01,
                -2.36211856075265944077e-03},
               {1.19844998467991074170e-02, 1.36370839120290507362e-02, 1.26171219808761642112e-01,
                7.18286544141962662868e-02, 5.40397917702171048937e-01, 1.06420880400844228286e-01,
                1.0});
}

/// Above: 1 - exp(-x^2) / x * exp(ratio of 1 / x^2), in two ranges.
Scalar far(Scalar x) {
  Scalar s = 1 / (x * x);
  Scalar middle =
      ratio(s,
            {-9.81432934416914548592e+00, -8.12874355063065934246e+01, -1.84605092906711035994e+02,
             -1.62396669462573470355e+02, -6.23753324503260060396e+01, -1.05586262253232909814e+01,
             -6.93858572707181764372e-01, -9.86494403484714822705e-03},
            {-6.04244152148580987438e-02, 6.57024977031928170135e+00, 1.08635005541779435134e+02,
             4.29008140027567833386e+02, 6.45387271733267880336e+02, 4.34565877475229228821e+02,
             1.37657754143519042600e+02, 1.96512716674392571292e+01, 1.0});
  Scalar outer =
      ratio(s,
            {-4.83519191608651397019e+02, -1.02509513161107724954e+03, -6.37566443368389627722e+02,
             -1.60636384855821916062e+02, -1.77579549177547519889e+01, -7.99283237680523006574e-01,
             -9.86494292470009928597e-03},
            {-2.24409524465858183362e+01, 4.74528541206955367215e+02, 2.55305040643316442583e+03,
             3.19985821950859553908e+03, 1.53672958608443695994e+03, 3.25792512996573918826e+02,
             3.03380607434824582924e+01, 1.0});
  Scalar exponent = select(x < 1 / 0.35, middle, outer);
  // The square of a head is exact; what it leaves away comes after.
  Scalar head = fromBits(toBits(x) & -0x1p32);
  return 1 -
         exponential(-head * head - 0.5625) * exponential((head - x) * (head + x) + exponent) / x;
}

} // namespace

Scalar mlir::torsh::formulas::errorFunction(Scalar x) {
  Scalar magnitude = abs(x);
  // From 6 on it rounds to 1. The formulas are evaluated where they hold.
  Scalar clamped = select(magnitude > 6, 6, magnitude);
  Scalar large = far(select(clamped < 1.25, 1.25, clamped));
  Scalar result =
      select(clamped < 0.84375, nearZero(clamped), select(clamped < 1.25, nearOne(clamped), large));
  return select(isNaN(x), x, copySign(result, x));
}
