// SPDX-License-Identifier: Apache-2.0
// Checks of `?` extents at the entry of a function.

#include "HostExtents.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/TypeSwitch.h"
#include <limits>

namespace mlir::torsh {
#define GEN_PASS_DEF_INSERTEXTENTCHECKSPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

namespace {

/// Inserts the checks of one function.
class CheckInserter {
public:
  explicit CheckInserter(HostExtents &extents) : extents(extents) {}

  void visit(Operation *op) {
    if (auto constrained = dyn_cast<ExtentConstraintOpInterface>(op))
      checkConstraints(constrained);
    llvm::TypeSwitch<Operation *>(op)
        .Case<ReshapeOp>([&](auto reshape) { checkReshape(reshape); })
        .Case<BroadcastOp>([&](auto broadcast) { checkBroadcast(broadcast); })
        .Case<SliceOp>([&](auto slice) { checkSlice(slice); })
        .Case<ConvOp>([&](ConvOp conv) {
          checkWindow(conv, conv.getInput(), tensorType(conv.getWeight()).getShape().drop_front(2),
                      conv.getPaddingLow(), conv.getPaddingHigh(), conv.getDilation());
        })
        .Case<MaxPoolOp>([&](MaxPoolOp pool) {
          checkWindow(pool, pool.getInput(), pool.getWindow(), pool.getPaddingLow(),
                      pool.getPaddingHigh(), pool.getDilation());
        })
        .Case<AvgPoolOp>([&](AvgPoolOp pool) {
          SmallVector<int64_t> dilation(pool.getWindow().size(), 1);
          checkWindow(pool, pool.getInput(), pool.getWindow(), pool.getPaddingLow(),
                      pool.getPaddingHigh(), dilation);
        })
        .Case<AmaxOp, AminOp>([&](auto reduction) {
          for (int64_t axis : reduction.getAxes())
            checkNotEmpty(reduction, reduction.getInput(), axis);
        })
        .Case<GatherOp>([&](GatherOp gather) {
          for (int64_t axis : gather.getAxes())
            checkReadable(gather, gather.getData(), axis);
        })
        .Case<TakeAlongAxisOp>(
            [&](TakeAlongAxisOp take) { checkReadable(take, take.getData(), take.getAxis()); })
        .Case<ArgmaxOp, ArgminOp>([&](auto reduction) {
          checkNotEmpty(reduction, reduction.getInput(), reduction.getAxis());
        });
  }

private:
  void checkConstraints(ExtentConstraintOpInterface op) {
    SmallVector<ExtentConstraint> constraints;
    op.getExtentConstraints(constraints);
    std::string name = op->getName().getStringRef().str();
    for (const ExtentConstraint &c : constraints) {
      OpFoldResult extent = extents.getExtents(op->getOperand(c.operand))[c.axis];
      if (c.otherOperand < 0) {
        requireEqual(op, extent, index(c.otherAxis),
                     name + ": axis " + std::to_string(c.axis) + " of operand " +
                         std::to_string(c.operand) + " must have extent " +
                         std::to_string(c.otherAxis));
        continue;
      }
      requireEqual(op, extent, extents.getExtents(op->getOperand(c.otherOperand))[c.otherAxis],
                   name + ": extents of operands " + std::to_string(c.operand) + " and " +
                       std::to_string(c.otherOperand) + " differ: axis " + std::to_string(c.axis) +
                       " and axis " + std::to_string(c.otherAxis));
    }
  }

  void checkReshape(ReshapeOp op) {
    if (tensorType(op.getInput()).hasStaticShape() && op.getType().hasStaticShape())
      return;
    OpFoldResult from = extents.getProduct(extents.getExtents(op.getInput()), op.getLoc());
    OpFoldResult to = extents.getProduct(extents.getExtents(op.getResult()), op.getLoc());
    requireEqual(op, from, to, "torsh.reshape: the number of elements changes");
  }

  void checkBroadcast(BroadcastOp op) {
    auto input = tensorType(op.getInput()), result = op.getType();
    int64_t offset = result.getRank() - input.getRank();
    for (int64_t axis = 0; axis < input.getRank(); ++axis)
      if (input.isDynamicDim(axis))
        requireEqual(op, extents.getExtents(op.getInput())[axis],
                     extents.getExtents(op.getResult())[axis + offset],
                     "torsh.broadcast: axis " + std::to_string(axis) +
                         " of the input does not have the extent of axis " +
                         std::to_string(axis + offset) + " of the result");
  }

  void checkSlice(SliceOp op) {
    for (int64_t axis = 0; axis < tensorType(op.getInput()).getRank(); ++axis) {
      if (!tensorType(op.getInput()).isDynamicDim(axis))
        continue;
      int64_t stop = op.getStop()[axis];
      bool isToTheEnd = stop == std::numeric_limits<int64_t>::max();
      int64_t least = isToTheEnd ? op.getStart()[axis] : stop;
      requireAtLeast(op, extents.getExtents(op.getInput())[axis], least,
                     "torsh.slice: axis " + std::to_string(axis) + " must have extent " +
                         std::to_string(least) + " or more");
    }
  }

  void checkWindow(Operation *op, Value input, ArrayRef<int64_t> window, ArrayRef<int64_t> low,
                   ArrayRef<int64_t> high, ArrayRef<int64_t> dilation) {
    for (size_t i = 0; i < window.size(); ++i) {
      if (!tensorType(input).isDynamicDim(i + 2))
        continue;
      int64_t span = (window[i] - 1) * dilation[i] + 1;
      requireAtLeast(op, extents.getExtents(input)[i + 2], span - low[i] - high[i],
                     op->getName().getStringRef().str() + ": a window that spans " +
                         std::to_string(span) + " does not fit axis " + std::to_string(i + 2));
    }
  }

  void checkNotEmpty(Operation *op, Value input, int64_t axis) {
    if (tensorType(input).isDynamicDim(axis) && !op->hasAttr(kMayBeEmptyAttrName))
      requireAtLeast(op, extents.getExtents(input)[axis], 1,
                     op->getName().getStringRef().str() + ": axis " + std::to_string(axis) +
                         " has extent 0, over which there is no value");
  }

  /// An axis that is read at positions has an element, unless there is nothing to read.
  void checkReadable(Operation *op, Value data, int64_t axis) {
    if (!tensorType(data).isDynamicDim(axis))
      return;
    OpFoldResult count = extents.getProduct(extents.getExtents(op->getResult(0)), op->getLoc());
    std::string message = op->getName().getStringRef().str() + ": axis " + std::to_string(axis) +
                          " has extent 0, and no element to read";
    OpFoldResult extent = extents.getExtents(data)[axis];
    if (std::optional<int64_t> known = getConstantIntValue(count))
      return requireAtLeast(op, extent, std::min<int64_t>(*known, 1), message);
    Value volume = extents.materialize(count), one = extents.materialize(index(1));
    OpBuilder &builder = extents.builderAtEntry();
    Value least = arith::MinSIOp::create(builder, op->getLoc(), volume, one);
    CheckOp::create(builder, op->getLoc(), ComparePredicate::ge, extents.materialize(extent), least,
                    message);
  }

  OpFoldResult index(int64_t number) { return extents.builderAtEntry().getIndexAttr(number); }

  void requireEqual(Operation *op, OpFoldResult lhs, OpFoldResult rhs, const std::string &message) {
    std::optional<int64_t> left = getConstantIntValue(lhs), right = getConstantIntValue(rhs);
    if (left && right && *left == *right)
      return;
    Value x = extents.materialize(lhs), y = extents.materialize(rhs);
    if (equal.isEquivalent(x.getAsOpaquePointer(), y.getAsOpaquePointer()))
      return;
    equal.unionSets(x.getAsOpaquePointer(), y.getAsOpaquePointer());
    CheckOp::create(extents.builderAtEntry(), op->getLoc(), ComparePredicate::eq, x, y, message);
  }

  void requireAtLeast(Operation *op, OpFoldResult extent, int64_t least,
                      const std::string &message) {
    std::optional<int64_t> known = getConstantIntValue(extent);
    if (least <= 0 || (known && *known >= least))
      return;
    Value value = extents.materialize(extent);
    int64_t &checked = leastChecked[value];
    if (checked >= least)
      return;
    checked = least;
    CheckOp::create(extents.builderAtEntry(), op->getLoc(), ComparePredicate::ge, value,
                    extents.materialize(index(least)), message);
  }

  HostExtents &extents;
  /// Values that the checks so far prove equal.
  llvm::EquivalenceClasses<void *> equal;
  /// Lower bounds that the checks so far prove; an extent is never negative.
  llvm::DenseMap<Value, int64_t> leastChecked;
};

class InsertExtentChecksPass
    : public torsh::impl::InsertExtentChecksPassBase<InsertExtentChecksPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (func.isDeclaration())
        continue;
      if (!func.getBody().hasOneBlock()) {
        func.emitError("torsh-insert-extent-checks: function @")
            << func.getSymName() << " has control flow between blocks, which kernels cannot have";
        return signalPassFailure();
      }
      FailureOr<HostExtents> extents = HostExtents::resolve(func);
      if (failed(extents))
        return signalPassFailure();
      CheckInserter inserter(*extents);
      for (Operation &op : func.getBody().front())
        if (isa_and_present<TorshDialect>(op.getDialect()))
          inserter.visit(&op);
      extents->eraseUnused();
    }
  }
};

} // namespace
