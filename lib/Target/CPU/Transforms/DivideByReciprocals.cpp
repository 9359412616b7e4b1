// SPDX-License-Identifier: Apache-2.0
// Divides by what a loop does not change with products. A quotient is corrected by what it
// leaves, which a fused product has exactly (P. Markstein, "IA-64 and Elementary Functions",
// 2000, theorem 8.3): it is rounded as a division rounds it.

#include "PlainLoop.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_DIVIDEBYRECIPROCALSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Divisors between these magnitudes: no quotient overflows, and no reciprocal is subnormal.
static constexpr double kSmallest = 1, kLargest = 0x1p60;

/// Iterations from which a loop is worth a second copy.
static constexpr int64_t kFewestIterations = 64;

namespace {

/// A division, and its divisor where the loop begins.
struct Division {
  arith::DivFOp op;
  Value divisor;
};

/// The divisor's reciprocal, and what division by it needs.
struct Reciprocal {
  Value divisor, reciprocal;
};

} // namespace

/// The buffer or argument that `memory` is a part of.
static Value rootOf(Value memory) {
  while (auto view = memory.getDefiningOp<ViewLikeOpInterface>())
    memory = view.getViewSource();
  return memory;
}

static bool writesTo(scf::ForOp loop, Value root) {
  return llvm::any_of(loop.getOps<memref::StoreOp>(),
                      [&](memref::StoreOp store) { return rootOf(store.getMemRef()) == root; });
}

/// `value` as it is where the loop begins, null if the loop changes it. What computes it is copied
/// in front of the loop: a load of memory that the loop does not write to (arguments of a kernel
/// and its buffers do not overlap), or arithmetic.
static Value hoist(Value value, scf::ForOp loop, OpBuilder &before) {
  if (loop.isDefinedOutsideOfLoop(value))
    return value;
  Operation *op = value.getDefiningOp();
  auto load = dyn_cast_or_null<memref::LoadOp>(op);
  if (!op || op->getNumRegions() != 0 ||
      !(load ? !writesTo(loop, rootOf(load.getMemRef())) : isPure(op)))
    return {};
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    Value hoisted = hoist(operand, loop, before);
    if (!hoisted)
      return {};
    mapping.map(operand, hoisted);
  }
  return before.clone(*op, mapping)->getResult(cast<OpResult>(value).getResultNumber());
}

/// A conjunction over all divisors of being within the bounds.
static Value areWithinBounds(ImplicitLocOpBuilder &b, ArrayRef<Division> divisions) {
  Value all;
  for (const Division &division : divisions) {
    Value magnitude = math::AbsFOp::create(b, division.divisor);
    auto constant = [&](double number) -> Value {
      return arith::ConstantOp::create(b, b.getFloatAttr(magnitude.getType(), number));
    };
    for (auto [predicate, bound] : {std::pair(arith::CmpFPredicate::OGE, kSmallest),
                                    std::pair(arith::CmpFPredicate::OLE, kLargest)}) {
      Value holds = arith::CmpFOp::create(b, predicate, magnitude, constant(bound));
      all = all ? arith::AndIOp::create(b, all, holds) : holds;
    }
  }
  return all;
}

/// x / divisor.
static void multiply(arith::DivFOp op, Reciprocal by) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value x = op.getLhs();
  Value near = arith::MulFOp::create(b, x, by.reciprocal);
  Value rest = math::FmaOp::create(b, arith::NegFOp::create(b, near), by.divisor, x);
  Value quotient = math::FmaOp::create(b, rest, by.reciprocal, near);
  // Infinities leave no number; and a zero would lose its sign.
  Value isOther = arith::CmpFOp::create(b, arith::CmpFPredicate::ONE, quotient, near);
  op.replaceAllUsesWith(arith::SelectOp::create(b, isOther, quotient, near).getResult());
  op.erase();
}

/// Runs `loop` with products where the divisors are within the bounds, as it is elsewhere.
static void version(scf::ForOp loop, ArrayRef<Division> divisions) {
  ImplicitLocOpBuilder b(loop.getLoc(), loop);
  SmallVector<Reciprocal> reciprocals;
  for (const Division &division : divisions) {
    Value one = arith::ConstantOp::create(b, b.getFloatAttr(division.divisor.getType(), 1));
    reciprocals.push_back(
        {division.divisor, arith::DivFOp::create(b, one, division.divisor).getResult()});
  }
  auto choice = scf::IfOp::create(b, loop.getResultTypes(), areWithinBounds(b, divisions),
                                  /*withElseRegion=*/true);
  loop.replaceAllUsesWith(choice.getResults());
  auto finish = [&](Block *block, scf::ForOp last) {
    if (loop.getNumResults() == 0)
      return;
    b.setInsertionPointToEnd(block);
    scf::YieldOp::create(b, last.getResults());
  };
  IRMapping mapping;
  auto products = cast<scf::ForOp>(
      OpBuilder::atBlockBegin(choice.thenBlock()).clone(*loop.getOperation(), mapping));
  finish(choice.thenBlock(), products);
  loop->moveBefore(choice.elseBlock(), choice.elseBlock()->begin());
  finish(choice.elseBlock(), loop);
  for (auto [division, reciprocal] : llvm::zip_equal(divisions, reciprocals)) {
    arith::DivFOp op = division.op;
    multiply(cast<arith::DivFOp>(mapping.lookup(op.getOperation())), reciprocal);
  }
}

namespace {

class DivideByReciprocalsPass
    : public torsh::impl::DivideByReciprocalsPassBase<DivideByReciprocalsPass> {
public:
  using DivideByReciprocalsPassBase::DivideByReciprocalsPassBase;

private:
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    SmallVector<scf::ForOp> loops;
    getOperation().walk([&](scf::ForOp loop) {
      if (cpu::isPlain(loop) && !cpu::isShorterThan(loop, kFewestIterations))
        loops.push_back(loop);
    });
    for (scf::ForOp loop : loops) {
      OpBuilder before(loop);
      SmallVector<Division> divisions;
      for (auto op : loop.getOps<arith::DivFOp>()) {
        Type type = op.getType();
        // The quotient of an invariant by an invariant is LLVM's to move.
        if (!(type.isF32() || type.isF64()) || loop.isDefinedOutsideOfLoop(op.getLhs()))
          continue;
        if (Value divisor = hoist(op.getRhs(), loop, before))
          divisions.push_back({op, divisor});
      }
      if (!divisions.empty())
        version(loop, divisions);
    }
  }
};

} // namespace
