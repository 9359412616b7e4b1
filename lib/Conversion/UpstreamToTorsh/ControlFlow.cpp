// SPDX-License-Identifier: Apache-2.0
// Control flow of scf, and assertions: both sides of a branch are computed, loops are unrolled.

#include "Importer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

LogicalResult takeResults(Importer &im, Operation *op, Block &block) {
  for (auto [result, value] :
       llvm::zip_equal(op->getResults(), block.getTerminator()->getOperands()))
    if (failed(im.set(result, im.get(value))))
      return failure();
  return success();
}

LogicalResult importIf(Importer &im, scf::IfOp op) {
  TensorBuilder &t = im.t;
  Region *sides[] = {&op.getThenRegion(), &op.getElseRegion()};
  if (std::optional<int64_t> known = im.constantOf(op.getCondition())) {
    Region *side = sides[*known ? 0 : 1];
    if (side->empty())
      return success();
    if (failed(im.importBlock(side->front())))
      return failure();
    return takeResults(im, op, side->front());
  }
  SmallVector<Value> results[2];
  ++im.branches;
  for (int side = 0; side < 2; ++side) {
    if (sides[side]->empty())
      continue;
    if (failed(im.importBlock(sides[side]->front())))
      return failure();
    results[side] = im.get(sides[side]->front().getTerminator()->getOperands());
  }
  --im.branches;
  t.setLoc(op.getLoc());
  Value condition = im.tensorOf(im.get(op.getCondition()));
  for (auto [number, result] : llvm::enumerate(op.getResults())) {
    Value x = im.tensorOf(results[0][number]), y = im.tensorOf(results[1][number]);
    if (!x || !y)
      return failure();
    // A selection would broadcast one side to the other.
    ArrayRef<int64_t> left = t.typeOf(x).getShape(), right = t.typeOf(y).getShape();
    for (auto [m, n] : llvm::zip_equal(left, right))
      if (m != n && ((!ShapedType::isDynamic(m) && !ShapedType::isDynamic(n)) || m == 1 || n == 1))
        return im.refuse(op, "sides of a branch on a value that have different shapes");
    if (failed(im.set(result, t.select(condition, x, y))))
      return failure();
  }
  return success();
}

LogicalResult importFor(Importer &im, scf::ForOp op) {
  std::optional<int64_t> lower = im.constantOf(op.getLowerBound()),
                         upper = im.constantOf(op.getUpperBound()),
                         step = im.constantOf(op.getStep());
  if (!lower || !upper || !step || *step < 1)
    return im.refuse(op, "its bounds must be constants: loops are unrolled");
  int64_t trips = *upper > *lower ? llvm::divideCeil(*upper - *lower, *step) : 0;
  if (trips > kMostIterations)
    return im.refuse(op, "it runs " + Twine(trips) + " times, and at most " +
                             Twine(kMostIterations) + " iterations are unrolled");
  SmallVector<Value> carried = im.get(op.getInitArgs());
  Block &body = *op.getBody();
  Type type = op.getInductionVar().getType();
  OpBuilder &b = im.t.builder();
  for (int64_t trip = 0; trip < trips; ++trip) {
    int64_t number = *lower + trip * *step;
    Value induction = type.isIndex()
                          ? arith::ConstantIndexOp::create(b, op.getLoc(), number).getResult()
                          : im.t.scalar(type, static_cast<double>(number));
    if (failed(im.set(op.getInductionVar(), induction)))
      return failure();
    for (auto [argument, value] : llvm::zip_equal(op.getRegionIterArgs(), carried))
      if (failed(im.set(argument, value)))
        return failure();
    if (failed(im.importBlock(body)))
      return failure();
    carried = im.get(body.getTerminator()->getOperands());
  }
  for (auto [result, value] : llvm::zip_equal(op.getResults(), carried))
    if (failed(im.set(result, value)))
      return failure();
  return success();
}

/// A comparison of sizes is checked by the host program before anything runs.
LogicalResult importAssert(Importer &im, cf::AssertOp op) {
  if (std::optional<int64_t> known = im.constantOf(op.getArg())) {
    if (*known)
      return success();
    return im.refuse(op, "it never holds: " + op.getMsg());
  }
  // What one side of a branch would check must not be checked for the other.
  if (im.branches)
    return im.refuse(op, "an assertion on one side of a branch on a value");
  Value condition = im.get(op.getArg());
  auto test = condition.getDefiningOp<arith::CmpIOp>();
  if (im.t.isTensor(condition) || !test || !test.getLhs().getType().isIndex())
    return im.refuse(op, "only comparisons of extents can be asserted");
  using I = arith::CmpIPredicate;
  Value lhs = test.getLhs(), rhs = test.getRhs();
  I predicate = test.getPredicate();
  if (predicate == I::sle || predicate == I::ule)
    std::swap(lhs, rhs);
  else if (predicate != I::eq && predicate != I::sge && predicate != I::uge)
    return im.refuse(op, "extents can be asserted to be equal, or at least as large");
  CheckOp::create(im.t.builder(), op.getLoc(),
                  predicate == I::eq ? ComparePredicate::eq : ComparePredicate::ge, lhs, rhs,
                  op.getMsg());
  return success();
}

} // namespace

std::optional<LogicalResult> mlir::torsh::importControlFlow(Importer &im, Operation *op) {
  using Result = std::optional<LogicalResult>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](scf::IfOp each) { return importIf(im, each); })
      .Case([&](scf::ForOp each) { return importFor(im, each); })
      .Case([&](cf::AssertOp each) { return importAssert(im, each); })
      .Case([&](scf::ExecuteRegionOp each) -> Result {
        if (!each.getRegion().hasOneBlock())
          return im.refuse(op, "control flow between blocks");
        if (failed(im.importBlock(each.getRegion().front())))
          return failure();
        return takeResults(im, op, each.getRegion().front());
      })
      .Case<scf::WhileOp, scf::ForallOp, scf::ParallelOp>([&](Operation *) -> Result {
        return im.refuse(op, "loops are unrolled, and how often this one runs is not known");
      })
      .Default([](Operation *) { return Result(); });
}
