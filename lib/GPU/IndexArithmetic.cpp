// SPDX-License-Identifier: Apache-2.0
// The emitter's indices, loops and branches.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/GPU/ElementEmitter.h"

using namespace mlir;
using namespace mlir::torsh::gpu;

//===----------------------------------------------------------------------===//
// Index arithmetic
//===----------------------------------------------------------------------===//

Value ElementEmitter::add(Value x, Value y) {
  std::optional<int64_t> a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (a && c)
    return constant(*a + *c);
  if (a == 0)
    return y;
  if (c == 0)
    return x;
  return arith::AddIOp::create(b, loc, x, y);
}

Value ElementEmitter::sub(Value x, Value y) {
  std::optional<int64_t> a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (a && c)
    return constant(*a - *c);
  if (c == 0)
    return x;
  return arith::SubIOp::create(b, loc, x, y);
}

Value ElementEmitter::mul(Value x, Value y) {
  std::optional<int64_t> a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (a && c)
    return constant(*a * *c);
  if (a == 0 || c == 1)
    return x;
  if (c == 0 || a == 1)
    return y;
  return arith::MulIOp::create(b, loc, x, y);
}

Value ElementEmitter::div(Value x, Value y) {
  std::optional<int64_t> a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (c == 1 || a == 0)
    return x;
  if (a && c && *c != 0)
    return constant(*a / *c);
  return arith::DivUIOp::create(b, loc, x, y);
}

Value ElementEmitter::rem(Value x, Value y) {
  std::optional<int64_t> a = getConstantIntValue(x), c = getConstantIntValue(y);
  if (c == 1 || a == 0)
    return constant(0);
  if (a && c && *c != 0)
    return constant(*a % *c);
  return arith::RemUIOp::create(b, loc, x, y);
}

Value ElementEmitter::ceilDiv(Value x, Value y) { return div(add(x, sub(y, constant(1))), y); }

Value ElementEmitter::lessThan(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, x, y);
}

Value ElementEmitter::linearize(ArrayRef<Value> index, ArrayRef<Value> extents) {
  Value position = constant(0);
  for (auto [own, extent] : llvm::zip_equal(index, extents))
    position = add(mul(position, extent), own);
  return position;
}

SmallVector<Value> ElementEmitter::delinearize(Value position, ArrayRef<Value> extents) {
  SmallVector<Value> index(extents.size());
  for (size_t axis = extents.size(); axis-- > 0;) {
    // What is left of a position inside the space is inside the first axis.
    index[axis] = axis == 0 ? position : rem(position, extents[axis]);
    if (axis != 0)
      position = div(position, extents[axis]);
  }
  return index;
}

FailureOr<SmallVector<Value>> ElementEmitter::apply(AffineMap map, ArrayRef<Value> dims) {
  SmallVector<Value> results;
  for (AffineExpr expr : map.getResults()) {
    FailureOr<Value> value = apply(expr, dims);
    if (failed(value))
      return failure();
    results.push_back(*value);
  }
  return results;
}

FailureOr<Value> ElementEmitter::apply(AffineExpr expr, ArrayRef<Value> dims) {
  if (auto known = dyn_cast<AffineConstantExpr>(expr))
    return constant(known.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  auto pair = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!pair)
    return kernel.emitError("a gpu kernel cannot index by a symbol"), failure();
  FailureOr<Value> lhs = apply(pair.getLHS(), dims), rhs = apply(pair.getRHS(), dims);
  if (failed(lhs) || failed(rhs))
    return failure();
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return add(*lhs, *rhs);
  case AffineExprKind::Mul:
    return mul(*lhs, *rhs);
  case AffineExprKind::FloorDiv:
    return div(*lhs, *rhs);
  case AffineExprKind::Mod:
    return rem(*lhs, *rhs);
  default:
    return ceilDiv(*lhs, *rhs);
  }
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Value>> ElementEmitter::forLoop(Value from, Value to, Value step,
                                                      ValueRange carried, LoopBody body) {
  auto loop = scf::ForOp::create(b, loc, from, to, step, carried);
  OpBuilder::InsertionGuard guard(b);
  Scope scope(*this);
  b.setInsertionPointToStart(loop.getBody());
  FailureOr<SmallVector<Value>> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (failed(results))
    return failure();
  // The builder ends a loop that carries nothing by itself.
  if (!carried.empty())
    scf::YieldOp::create(b, loc, *results);
  return SmallVector<Value>(loop.getResults());
}

FailureOr<SmallVector<Value>> ElementEmitter::ifThen(Value condition, ValueRange otherwise,
                                                     BranchBody then) {
  auto branch = scf::IfOp::create(b, loc, otherwise.getTypes(), condition,
                                  /*withElseRegion=*/!otherwise.empty());
  OpBuilder::InsertionGuard guard(b);
  {
    Scope scope(*this);
    b.setInsertionPointToStart(branch.thenBlock());
    FailureOr<SmallVector<Value>> results = then();
    if (failed(results))
      return failure();
    if (!otherwise.empty())
      scf::YieldOp::create(b, loc, *results);
  }
  if (!otherwise.empty()) {
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, loc, otherwise);
  }
  return SmallVector<Value>(branch.getResults());
}
