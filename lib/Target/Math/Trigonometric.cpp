// SPDX-License-Identifier: Apache-2.0
// sin, cos and atan2. Polynomials are those of Cephes for f32 and of FreeBSD's msun for
// f64. Large arguments are reduced with as many bits of 2 / pi as it takes (M. Payne and
// R. Hanek, "Radian reduction for trigonometric functions", 1983).

#include "Functions.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::torsh::formulas;

namespace {

/// x = quadrant * pi / 2 + rest + correction, with |rest| <= pi / 4 and the quadrant modulo
/// 4. The correction is what the rest has no bits for.
struct ReducedAngle {
  Scalar quadrant;
  Scalar rest, correction;
};

/// Below this, the number of quadrants has few enough bits for exact products. (With those of
/// f32 up to 2^15 sines were up to 2.6 units in the last place away, now 1.6.)
double largestSmall(Format format) { return format.isDouble() ? 0x1p20 : 0x1p13; }

/// `magnitude` must be below largestSmall.
ReducedAngle reduceSmall(Scalar magnitude) {
  // pi / 2 in four parts; products with the first three are exact.
  static constexpr double kSingle[] = {1.5703125, 4.83512878417968750e-4, 3.13855707645416260e-7,
                                       6.07710050650619224e-11};
  static constexpr double kDouble[] = {1.57079632673412561417e+00, 6.07710050630396597660e-11,
                                       2.02226624871116645580e-21, 8.47842766036889956997e-32};
  Scalar n = roundEven(magnitude * 0.636619772367581343);
  Scalar rest = magnitude;
  const double *parts = Format::of(magnitude).isDouble() ? kDouble : kSingle;
  for (int i = 0; i < 3; ++i)
    rest = rest - n * parts[i];
  return {toInteger(n), rest, n * -parts[3]};
}

/// 2 / pi behind the binary point.
constexpr uint64_t kTwoOverPi[] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
    0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
};

/// Those bits in words of a number's width, behind one of zeros.
uint64_t getWordOfTwoOverPi(Format format, int index) {
  if (index == 0)
    return 0;
  if (format.isDouble())
    return kTwoOverPi[index - 1];
  uint64_t word = kTwoOverPi[(index - 1) / 2];
  return index % 2 == 1 ? word >> 32 : word & 0xffffffff;
}

/// `magnitude` must be at least largestSmall, and finite.
ReducedAngle reduceLarge(Scalar magnitude) {
  Format format = Format::of(magnitude);
  int width = format.isDouble() ? 64 : 32;
  Scalar bits = toBits(magnitude), one = bits.constant(1), zero = bits.constant(0);
  auto shiftDown = [](Scalar x, int count) { return shiftRightLogical(x, x.constant(count)); };
  // magnitude = mantissa * 2^exponent
  Scalar exponent = (bits >> format.mantissaBits) - (format.bias + format.mantissaBits);
  Scalar mantissa = (bits & format.mantissaMask()) | format.smallestNormal();
  // The product of the mantissa with the first exponent - 2 bits of 2 / pi is a multiple
  // of 4: the three words of bits after those, as a fraction, times the mantissa, are a
  // quarter of the angle in quadrants, modulo 1.
  Scalar first = exponent + (width - 2);
  Scalar word = first >> llvm::Log2_32(width), bit = first & (width - 1);
  int lastWord = (format.bias - format.mantissaBits + width - 2) / width;
  SmallVector<Scalar> words;
  for (int i = 0; i < 4; ++i) {
    words.push_back(bits.integer(getWordOfTwoOverPi(format, i)));
    for (int j = 1; j <= lastWord; ++j)
      words.back() =
          select(word == j, bits.integer(getWordOfTwoOverPi(format, i + j)), words.back());
  }
  SmallVector<Scalar> part;
  for (int i = 0; i < 3; ++i) // In two steps: a shift by the width is undefined.
    part.push_back((words[i] << bit) |
                   shiftRightLogical(shiftDown(words[i + 1], 1), (width - 1) - bit));
  auto multiply = [&](Scalar x) {
    auto op = arith::MulUIExtendedOp::create(x.getBuilder(), x.get(), mantissa.get());
    return std::pair(Scalar(x.getBuilder(), op.getLow()), Scalar(x.getBuilder(), op.getHigh()));
  };
  auto [low1, high1] = multiply(part[1]);
  Scalar high2 = multiply(part[2]).second;
  Scalar low = low1 + high2;
  Scalar carries = low.make<arith::CmpIOp>(arith::CmpIPredicate::ult, low.get(), low1.get());
  Scalar high = part[0] * mantissa + high1 + select(carries, one, zero);

  Scalar quadrant = shiftDown(high, width - 2);
  high = (high << 2) | shiftDown(low, width - 2);
  low = low << 2;
  // Half a quadrant or more belongs to the next one, less what is missing.
  Scalar isUpper = high < 0;
  Scalar flip = select(isUpper, -one, zero);
  // The fraction in two floats, the first of as many bits as one holds, and so pi / 2.
  int tail = width - 2 - format.mantissaBits;
  Scalar fraction = high ^ flip;
  Scalar leading = toFloat(fraction >> tail) * std::ldexp(1.0, tail - width);
  Scalar after = toFloat(fraction & ((1 << tail) - 1)) * std::ldexp(1.0, -width) +
                 toFloat(shiftDown(low ^ flip, 1)) * std::ldexp(1.0, 1 - 2 * width);
  constexpr double kHalfPi = 1.57079632679489662;
  double whole = format.isDouble() ? kHalfPi : double(float(kHalfPi));
  double missing = format.isDouble() ? 6.123233995736766036e-17 : kHalfPi - whole;
  Scalar rest = leading * whole + (leading * missing + after * whole);
  return {(quadrant + select(isUpper, one, zero)) & 3, select(isUpper, -rest, rest),
          rest.constant(0)};
}

/// The sine of `rest` + (quadrant + ahead) * pi / 2.
Scalar evaluate(ReducedAngle angle, int ahead) {
  SmallVector<double> sines = {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1};
  SmallVector<double> cosines = {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2};
  Scalar r = angle.rest, c = angle.correction, z = r * r;
  if (Format::of(r).isDouble()) {
    sines = {1.58969099521155010221e-10,  -2.50507602534068634195e-08, 2.75573137070700676789e-06,
             -1.98412698298579493134e-04, 8.33333333332248946124e-03,  -1.66666666666666324348e-01};
    cosines = {-1.13596475577881948265e-11, 2.08757232129817482790e-09,
               -2.75573143513906633035e-07, 2.48015872894767294178e-05,
               -1.38888888888741095749e-03, 4.16666666666666019037e-02};
  }
  Scalar half = 0.5 * z;
  Scalar sine = r + (r * z * polynomial(z, sines) + c * (1 - half));
  // What the difference loses is added to what is small.
  Scalar difference = 1 - half;
  Scalar cosine = difference + ((1 - difference - half) + (z * z * polynomial(z, cosines) - r * c));
  Scalar quadrant = angle.quadrant + ahead;
  Scalar result = select((quadrant & 1) == 0, sine, cosine);
  return select((quadrant & 2) == 0, result, -result);
}

/// The reduction that the magnitude asks for. Few threads need the second.
ReducedAngle reduce(Scalar magnitude) {
  ImplicitLocOpBuilder &builder = magnitude.getBuilder();
  Scalar isSmall = magnitude < largestSmall(Format::of(magnitude));
  Scalar finite = select(magnitude < INFINITY, magnitude, 0);
  if (isa<VectorType>(magnitude.get().getType())) {
    ReducedAngle small = reduceSmall(select(isSmall, finite, 0)), large = reduceLarge(finite);
    return {select(isSmall, small.quadrant, large.quadrant),
            select(isSmall, small.rest, large.rest),
            select(isSmall, small.correction, large.correction)};
  }
  Type number = magnitude.get().getType();
  SmallVector<Type> types = {toBits(magnitude).get().getType(), number, number};
  auto choice = scf::IfOp::create(builder, types, isSmall.get(), /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(builder);
  for (bool small : {true, false}) {
    builder.setInsertionPointToEnd(small ? choice.thenBlock() : choice.elseBlock());
    ReducedAngle angle = small ? reduceSmall(finite) : reduceLarge(finite);
    scf::YieldOp::create(
        builder, ValueRange{angle.quadrant.get(), angle.rest.get(), angle.correction.get()});
  }
  return {Scalar(builder, choice.getResult(0)), Scalar(builder, choice.getResult(1)),
          Scalar(builder, choice.getResult(2))};
}

Scalar nanUnlessFinite(Scalar x, Scalar result) { return select(abs(x) < INFINITY, result, NAN); }

} // namespace

Scalar mlir::torsh::formulas::sine(Scalar x) {
  Scalar result = evaluate(reduce(abs(x)), 0);
  return nanUnlessFinite(x, select(toBits(x) < 0, -result, result));
}

Scalar mlir::torsh::formulas::cosine(Scalar x) {
  return nanUnlessFinite(x, evaluate(reduce(abs(x)), 1));
}

Scalar mlir::torsh::formulas::arctangent(Scalar y, Scalar x) {
  Scalar width = abs(x), height = abs(y);
  Scalar isSteep = height > width;
  Scalar larger = select(isSteep, height, width), smaller = select(isSteep, width, height);
  // Both infinite is the diagonal, both zero the axis.
  Scalar ratio = smaller / select(larger == 0, 1, larger);
  ratio = select(smaller == INFINITY, 1, ratio);
  // Within tan(pi / 8) of zero or of one.
  Scalar isFar = ratio > 0.414213562373095;
  Scalar r = select(isFar, (ratio - 1) / (ratio + 1), ratio);
  Scalar z = r * r;
  SmallVector<double> coefficients = {8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1,
                                      -3.33329491539e-1};
  if (Format::of(x).isDouble())
    coefficients = {
        -1.62858201153657823623e-02, 3.65315727442169155270e-02,  -4.97687799461593236017e-02,
        5.83357013379057348645e-02,  -6.66107313738753120669e-02, 7.69187620504482999495e-02,
        -9.09088713343650656196e-02, 1.11111104054623557880e-01,  -1.42857142725034663711e-01,
        1.99999999998764832476e-01,  -3.33333333333329318027e-01};
  Scalar angle = r * z * polynomial(z, coefficients) + r;
  angle = select(isFar, angle + 0.785398163397448309, angle);
  angle = select(isSteep, 1.57079632679489662 - angle, angle);
  angle = select(toBits(x) < 0, 3.14159265358979324 - angle, angle);
  return select(isNaN(x) | isNaN(y), NAN, copySign(angle, y));
}
