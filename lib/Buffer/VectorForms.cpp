// SPDX-License-Identifier: Apache-2.0
// Loops and vectors that lowerings to registers are written with.

#include "VectorForms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace mlir::torsh;

SmallVector<Value> VectorForms::carry(Value from, Value to, int64_t step, ValueRange initial,
                                      function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(b, loc, from, to, constant(step), initial,
                                 [](OpBuilder &, Location, Value, ValueRange) {});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
    b.setInsertionPointToEnd(loop.getBody());
    scf::YieldOp::create(b, loc, next);
  }
  return SmallVector<Value>(loop.getResults());
}

Value VectorForms::number(Type type, double value) {
  auto element = cast<FloatType>(getElementTypeOrSelf(type));
  APFloat exact(value);
  bool losesInfo = false;
  exact.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
  TypedAttr attribute = FloatAttr::get(element, exact);
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = DenseElementsAttr::get(vector, exact);
  return arith::ConstantOp::create(b, loc, attribute);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static Type elementOf(Value memory) { return cast<MemRefType>(memory.getType()).getElementType(); }

Value VectorForms::load(VectorType type, Value memory, Value offset) {
  Type own = elementOf(memory);
  auto stored = VectorType::get(type.getShape(), own);
  Value loaded = vector::LoadOp::create(b, loc, stored, memory, offset);
  return own == type.getElementType() ? loaded
                                      : arith::ExtFOp::create(b, loc, type, loaded).getResult();
}

Value VectorForms::loadScalar(Type type, Value memory, Value offset) {
  Value loaded = memref::LoadOp::create(b, loc, memory, offset);
  return loaded.getType() == type ? loaded
                                  : arith::ExtFOp::create(b, loc, type, loaded).getResult();
}

Value VectorForms::loadBool(Value memory, Value offset) {
  return memref::LoadOp::create(b, loc, memory, offset);
}

void VectorForms::store(Value x, Value memory, Value offset) {
  Type own = elementOf(memory);
  auto vector = dyn_cast<VectorType>(x.getType());
  Type stored = vector ? VectorType::get(vector.getShape(), own) : own;
  if (getElementTypeOrSelf(x.getType()) != own)
    x = arith::TruncFOp::create(b, loc, stored, x);
  if (vector)
    vector::StoreOp::create(b, loc, x, memory, offset);
  else
    memref::StoreOp::create(b, loc, x, memory, offset);
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

// 2^f = 1 + f q(f) for f in [-1/2, 1/2]: q fitted for the least relative error in f32,
// Taylor's in f64.
static constexpr double kSingle[] = {0.6931469775984704, 0.24022242084919296, 0.055507337442446736,
                                     0.009671512660558362, 0.0013264726899107613};
static constexpr double kDouble[] = {
    0.6931471805599453,     0.2402265069591007,     0.055504108664821576,   0.009618129107628477,
    0.0013333558146428441,  0.00015403530393381606, 1.5252733804059838e-05, 1.3215486790144305e-06,
    1.0178086009239696e-07, 7.054911620801121e-09,  4.44553827187081e-10,   2.5678435993488196e-11,
    1.3691488853904124e-12};

Value VectorForms::exp2(Value x) {
  auto type = cast<VectorType>(x.getType());
  bool isDouble = type.getElementType().isF64();
  int64_t mantissa = isDouble ? 52 : 23, bias = isDouble ? 1023 : 127;
  auto bits = VectorType::get(type.getShape(), b.getIntegerType(isDouble ? 64 : 32));
  auto integer = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(bits, APInt(isDouble ? 64 : 32, value)));
  };
  x = larger(number(type, static_cast<double>(-bias)), x);
  // Adding 1.5 * 2^mantissa leaves the nearest integer in the lowest bits; with the bias beside
  // it these are the exponent of the power.
  Value magic = number(type, (isDouble ? 0x1.8p52 : 0x1.8p23) + static_cast<double>(bias));
  Value moved = addf(x, magic);
  Value rest = subf(x, subf(moved, magic));
  Value power = arith::BitcastOp::create(
      b, loc, type,
      arith::ShLIOp::create(b, loc, arith::BitcastOp::create(b, loc, bits, moved),
                            integer(mantissa)));
  ArrayRef<double> coefficients = isDouble ? ArrayRef<double>(kDouble) : ArrayRef<double>(kSingle);
  Value result = number(type, coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    result = fma(result, rest, number(type, coefficient));
  result = fma(result, rest, number(type, 1.0));
  return mulf(result, power);
}
