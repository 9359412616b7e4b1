// SPDX-License-Identifier: Apache-2.0
// The scalar steps of scans, orders and scattered writes.

#include "OrderedBodies.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::torsh;

TypedAttr mlir::torsh::neutralElement(OpBuilder &b, ScanKind kind, Type type, bool isUnsigned,
                                      bool isExclusive) {
  if (auto real = dyn_cast<FloatType>(type)) {
    switch (kind) {
    case ScanKind::sum: // -0.0 leaves -0.0 as it is, but an empty sum is 0.0.
      return b.getFloatAttr(real, isExclusive ? 0.0 : -0.0);
    case ScanKind::prod:
      return b.getFloatAttr(real, 1.0);
    case ScanKind::max:
    case ScanKind::min:
      return b.getFloatAttr(real, APFloat::getInf(real.getFloatSemantics(), kind == ScanKind::max));
    }
  }
  unsigned width = type.getIntOrFloatBitWidth();
  switch (kind) {
  case ScanKind::sum:
    return b.getIntegerAttr(type, 0);
  case ScanKind::prod:
    return b.getIntegerAttr(type, 1);
  case ScanKind::max:
    return b.getIntegerAttr(type,
                            isUnsigned ? APInt::getZero(width) : APInt::getSignedMinValue(width));
  case ScanKind::min:
    return b.getIntegerAttr(type, isUnsigned ? APInt::getMaxValue(width)
                                             : APInt::getSignedMaxValue(width));
  }
  return {};
}

Value mlir::torsh::combine(OpBuilder &b, Location loc, ScanKind kind, Value x, Value y,
                           bool isUnsigned) {
  bool isFloat = isa<FloatType>(x.getType());
  switch (kind) {
  case ScanKind::sum:
    return isFloat ? arith::AddFOp::create(b, loc, x, y).getResult()
                   : arith::AddIOp::create(b, loc, x, y).getResult();
  case ScanKind::prod:
    return isFloat ? arith::MulFOp::create(b, loc, x, y).getResult()
                   : arith::MulIOp::create(b, loc, x, y).getResult();
  case ScanKind::max:
    return isFloat      ? arith::MaximumFOp::create(b, loc, x, y).getResult()
           : isUnsigned ? arith::MaxUIOp::create(b, loc, x, y).getResult()
                        : arith::MaxSIOp::create(b, loc, x, y).getResult();
  case ScanKind::min:
    return isFloat      ? arith::MinimumFOp::create(b, loc, x, y).getResult()
           : isUnsigned ? arith::MinUIOp::create(b, loc, x, y).getResult()
                        : arith::MinSIOp::create(b, loc, x, y).getResult();
  }
  return x;
}

Value mlir::torsh::combine(OpBuilder &b, Location loc, ScatterReduction reduction, Value x, Value y,
                           bool isUnsigned) {
  bool isFloat = isa<FloatType>(x.getType());
  switch (reduction) {
  case ScatterReduction::none:
    return y;
  case ScatterReduction::add:
    return isFloat ? arith::AddFOp::create(b, loc, x, y).getResult()
                   : arith::AddIOp::create(b, loc, x, y).getResult();
  case ScatterReduction::mul:
    return isFloat ? arith::MulFOp::create(b, loc, x, y).getResult()
                   : arith::MulIOp::create(b, loc, x, y).getResult();
  case ScatterReduction::min:
    return isFloat      ? arith::MinimumFOp::create(b, loc, x, y).getResult()
           : isUnsigned ? arith::MinUIOp::create(b, loc, x, y).getResult()
                        : arith::MinSIOp::create(b, loc, x, y).getResult();
  case ScatterReduction::max:
    return isFloat      ? arith::MaximumFOp::create(b, loc, x, y).getResult()
           : isUnsigned ? arith::MaxUIOp::create(b, loc, x, y).getResult()
                        : arith::MaxSIOp::create(b, loc, x, y).getResult();
  }
  return y;
}

Value mlir::torsh::orderKey(OpBuilder &b, Location loc, Value x) {
  auto real = dyn_cast<FloatType>(x.getType());
  if (!real)
    return x;
  unsigned width = real.getWidth();
  Type integer = b.getIntegerType(width);
  auto constant = [&](const APInt &value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getIntegerAttr(integer, value));
  };
  auto is = [&](arith::CmpFPredicate predicate, Value y) -> Value {
    return arith::CmpFOp::create(b, loc, predicate, x, y);
  };
  // The bits of negative numbers grow with their magnitude: all but the sign are flipped.
  Value bits = arith::BitcastOp::create(b, loc, integer, x);
  Value sign = arith::ShRSIOp::create(b, loc, bits, constant(APInt(width, width - 1)));
  Value flipped = arith::AndIOp::create(b, loc, sign, constant(APInt::getSignedMaxValue(width)));
  Value key = arith::XOrIOp::create(b, loc, bits, flipped);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(real));
  key = arith::SelectOp::create(b, loc, is(arith::CmpFPredicate::OEQ, zero),
                                constant(APInt::getZero(width)), key);
  return arith::SelectOp::create(b, loc, is(arith::CmpFPredicate::UNO, x),
                                 constant(APInt::getSignedMaxValue(width)), key);
}

Value mlir::torsh::positionFromStart(OpBuilder &b, Location loc, Value position, bool isUnsigned,
                                     Value extent) {
  Type index = b.getIndexType();
  if (isUnsigned) {
    // An index is signed: what is no index is as far beyond the end as the end.
    if (position.getType().isInteger(64)) {
      Value limit = arith::IndexCastOp::create(b, loc, position.getType(), extent);
      position = arith::MinUIOp::create(b, loc, position, limit);
    }
    return arith::IndexCastUIOp::create(b, loc, index, position);
  }
  Value signedPosition = arith::IndexCastOp::create(b, loc, index, position);
  Value isNegative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, signedPosition,
                                           arith::ConstantIndexOp::create(b, loc, 0));
  return arith::SelectOp::create(
      b, loc, isNegative, arith::AddIOp::create(b, loc, signedPosition, extent), signedPosition);
}
