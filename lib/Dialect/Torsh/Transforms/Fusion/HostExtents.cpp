// SPDX-License-Identifier: Apache-2.0
// Index computations of a function, rebuilt at its entry and shared.

#include "HostExtents.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OperationSupport.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

bool mlir::torsh::isIndexComputation(Operation *op) {
  if (isa<tensor::DimOp>(op))
    return true;
  if (!isa_and_present<arith::ArithDialect, affine::AffineDialect>(op->getDialect()))
    return false;
  return op->getNumRegions() == 0 && op->getNumResults() == 1 && isMemoryEffectFree(op) &&
         op->getResult(0).getType().isIntOrIndex();
}

unsigned HostExtents::SameComputation::getHashValue(const Operation *op) {
  return OperationEquivalence::computeHash(
      const_cast<Operation *>(op), OperationEquivalence::directHashValue,
      OperationEquivalence::ignoreHashValue, OperationEquivalence::IgnoreLocations);
}

bool HostExtents::SameComputation::isEqual(const Operation *lhs, const Operation *rhs) {
  if (lhs == rhs)
    return true;
  if (lhs == getTombstoneKey() || lhs == getEmptyKey() || rhs == getTombstoneKey() ||
      rhs == getEmptyKey())
    return false;
  return OperationEquivalence::isEquivalentTo(const_cast<Operation *>(lhs),
                                              const_cast<Operation *>(rhs),
                                              OperationEquivalence::IgnoreLocations);
}

//===----------------------------------------------------------------------===//
// Index computations
//===----------------------------------------------------------------------===//

Value HostExtents::intern(Operation *op) {
  auto [existing, isNew] = computations.insert(op);
  if (!isNew)
    op->erase();
  return (*existing)->getResult(0);
}

Value HostExtents::materialize(OpFoldResult extent) {
  if (auto value = dyn_cast<Value>(extent))
    return value;
  auto attribute = cast<TypedAttr>(cast<Attribute>(extent));
  return intern(arith::ConstantOp::create(builder, block->getParentOp()->getLoc(), attribute));
}

OpFoldResult HostExtents::lookup(Value operand) const {
  auto known = resolved.find(operand);
  return known == resolved.end() ? OpFoldResult(operand) : known->second;
}

FailureOr<OpFoldResult> HostExtents::rebuild(Operation *op) {
  Attribute constant;
  if (matchPattern(op, m_Constant(&constant)))
    return OpFoldResult(constant);
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    OpFoldResult axis = lookup(dim.getIndex());
    std::optional<int64_t> number = getConstantIntValue(axis);
    auto known = extents.find(dim.getSource());
    if (!number || known == extents.end() || *number < 0 ||
        *number >= static_cast<int64_t>(known->second.size()))
      return op->emitOpError("asks for an extent that is not known from those of the arguments");
    return known->second[*number];
  }
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    OpFoldResult known = lookup(operand);
    if (auto value = dyn_cast<Value>(known); value && value.getDefiningOp() &&
                                             value.getDefiningOp()->getBlock() == block &&
                                             !computations.contains(value.getDefiningOp()))
      return op->emitOpError("depends on ")
             << value.getDefiningOp()->getName() << ", which is not known from the arguments";
    mapping.map(operand, materialize(known));
  }
  Operation *copy = builder.clone(*op, mapping);
  SmallVector<OpFoldResult> folded;
  if (succeeded(copy->fold(folded)) && folded.size() == 1) {
    copy->erase();
    return folded.front();
  }
  return OpFoldResult(intern(copy));
}

OpFoldResult HostExtents::getProduct(ArrayRef<OpFoldResult> factors, Location loc) {
  int64_t constant = 1;
  SmallVector<Value> values;
  for (OpFoldResult factor : factors) {
    if (std::optional<int64_t> number = getConstantIntValue(factor))
      constant *= *number;
    else
      values.push_back(cast<Value>(factor));
  }
  if (values.empty() || constant == 0)
    return builder.getIndexAttr(constant);
  // In one order, so that equal products are one value.
  llvm::sort(values, [](Value lhs, Value rhs) {
    Operation *left = lhs.getDefiningOp(), *right = rhs.getDefiningOp();
    if (!left || !right)
      return !left && right;
    return left != right && left->isBeforeInBlock(right);
  });
  AffineExpr s0 = builder.getAffineSymbolExpr(0), s1 = builder.getAffineSymbolExpr(1);
  Value product = values.front();
  for (Value value : ArrayRef(values).drop_front())
    product = intern(affine::AffineApplyOp::create(builder, loc, AffineMap::get(0, 2, s0 * s1),
                                                   ValueRange{product, value}));
  if (constant != 1)
    product = intern(affine::AffineApplyOp::create(
        builder, loc, AffineMap::get(0, 1, s0 * constant), ValueRange{product}));
  return product;
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

ArrayRef<OpFoldResult> HostExtents::getExtents(Value tensor) const {
  return extents.find(tensor)->second;
}

void HostExtents::replaceTensors(ValueRange tensors, ValueRange results) {
  for (auto [tensor, result] : llvm::zip_equal(tensors, results)) {
    SmallVector<OpFoldResult> own = std::move(extents[tensor]);
    extents[result] = std::move(own);
  }
}

LogicalResult HostExtents::inferExtents(Operation *op) {
  ReifiedRankedShapedTypeDims shapes;
  bool isDynamic = llvm::any_of(op->getResultTypes(), [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && !tensor.hasStaticShape();
  });
  SmallVector<Operation *> scratch;
  if (isDynamic && !isa<IotaOp>(op)) {
    Operation *before = op->getPrevNode();
    OpBuilder scratchBuilder(op);
    if (failed(reifyResultShapes(scratchBuilder, op, shapes)))
      return op->emitOpError("cannot give the extents of its results");
    for (Operation *built = before ? before->getNextNode() : &block->front(); built != op;
         built = built->getNextNode())
      scratch.push_back(built);
  }
  for (Operation *built : scratch) {
    FailureOr<OpFoldResult> result = rebuild(built);
    if (failed(result))
      return failure();
    resolved[built->getResult(0)] = *result;
  }
  for (OpResult result : op->getResults()) {
    auto type = dyn_cast<RankedTensorType>(result.getType());
    if (!type)
      continue;
    SmallVector<OpFoldResult> &own = extents[result];
    size_t nextSize = 0;
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      OpFoldResult extent = builder.getIndexAttr(type.getDimSize(axis));
      if (type.isDynamicDim(axis)) {
        if (auto iota = dyn_cast<IotaOp>(op))
          extent = iota.getDynamicSizes()[nextSize++];
        else
          extent = shapes[result.getResultNumber()][axis];
        if (auto value = dyn_cast<Value>(extent))
          extent = lookup(value);
      }
      own.push_back(extent);
    }
  }
  for (Operation *built : llvm::reverse(scratch)) {
    resolved.erase(built->getResult(0));
    built->erase();
  }
  return success();
}

FailureOr<HostExtents> HostExtents::resolve(func::FuncOp func) {
  HostExtents self(&func.getBody().front());
  Block *block = self.block;
  for (BlockArgument argument : block->getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    SmallVector<OpFoldResult> own;
    for (int64_t axis = 0; axis < type.getRank(); ++axis) {
      if (!type.isDynamicDim(axis)) {
        own.push_back(self.builder.getIndexAttr(type.getDimSize(axis)));
        continue;
      }
      Value number = self.materialize(self.builder.getIndexAttr(axis));
      own.push_back(
          self.intern(tensor::DimOp::create(self.builder, argument.getLoc(), argument, number)));
    }
    self.extents[argument] = std::move(own);
  }
  SmallVector<Operation *> originals;
  for (Operation &op : llvm::make_range(self.builder.getInsertionPoint(), block->end()))
    originals.push_back(&op);
  SmallVector<Operation *> rebuilt;
  for (Operation *op : originals) {
    if (isIndexComputation(op)) {
      FailureOr<OpFoldResult> result = self.rebuild(op);
      if (failed(result))
        return failure();
      self.resolved[op->getResult(0)] = *result;
      rebuilt.push_back(op);
    } else if (auto check = dyn_cast<CheckOp>(op)) {
      Value lhs = self.materialize(self.lookup(check.getLhs()));
      Value rhs = self.materialize(self.lookup(check.getRhs()));
      CheckOp::create(self.builder, check.getLoc(), check.getRelation(), lhs, rhs,
                      check.getMessageAttr());
      rebuilt.push_back(op);
    } else if (failed(self.inferExtents(op))) {
      return failure();
    }
  }
  for (Operation *op : rebuilt)
    for (Value result : op->getResults())
      if (!result.use_empty())
        result.replaceAllUsesWith(self.materialize(self.lookup(result)));
  // The entry ends where the first operation that stays begins.
  Operation *first = nullptr;
  llvm::SmallPtrSet<Operation *, 16> gone(rebuilt.begin(), rebuilt.end());
  for (Operation *op : originals)
    if (!gone.contains(op)) {
      first = op;
      break;
    }
  self.builder.setInsertionPoint(first);
  for (Operation *op : llvm::reverse(rebuilt))
    op->erase();
  self.resolved.clear();
  return self;
}

void HostExtents::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (isIndexComputation(&op) && op.use_empty())
      op.erase();
  computations.clear();
  extents.clear();
}
