// SPDX-License-Identifier: Apache-2.0
// Parts of a generic's body at points of its loops.

#include "OrderedLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::torsh;

GenericOnMemory::GenericOnMemory(OpBuilder &builder, linalg::GenericOp op) : b(builder), op(op) {
  ranges = cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, op.getLoc());
}

Value GenericOnMemory::extent(unsigned loop) {
  return getValueOrCreateConstantIndexOp(b, getLoc(), ranges[loop].size);
}

Value GenericOnMemory::constant(int64_t value) {
  return arith::ConstantIndexOp::create(b, getLoc(), value);
}

llvm::BitVector GenericOnMemory::loopsOf(Value value) {
  llvm::BitVector loops(getNumLoops());
  SmallVector<Value> worklist{value};
  llvm::SmallDenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    if (auto argument = dyn_cast<BlockArgument>(next);
        argument && argument.getOwner() == op.getBody()) {
      AffineMap map = op.getMatchingIndexingMap(op.getMatchingOpOperand(argument));
      for (unsigned loop = 0; loop < getNumLoops(); ++loop)
        if (map.isFunctionOfDim(loop))
          loops.set(loop);
    } else if (auto index = next.getDefiningOp<linalg::IndexOp>()) {
      loops.set(index.getDim());
    } else if (Operation *inner = next.getDefiningOp();
               inner && inner->getBlock() == op.getBody()) {
      llvm::append_range(worklist, inner->getOperands());
    }
  }
  return loops;
}

SmallVector<Value> GenericOnMemory::position(AffineMap map, ArrayRef<Value> index) {
  SmallVector<Value> result;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      result.push_back(index[dim.getPosition()]);
    else
      result.push_back(constant(cast<AffineConstantExpr>(expr).getValue()));
  }
  return result;
}

Value GenericOnMemory::emit(Value value, ArrayRef<Value> index, IRMapping &known) {
  if (Value found = known.lookupOrNull(value))
    return found;
  Value made;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != op.getBody())
      return value;
    OpOperand *operand = op.getMatchingOpOperand(argument);
    made = isa<MemRefType>(operand->get().getType())
               ? memref::LoadOp::create(b, getLoc(), operand->get(),
                                        position(op.getMatchingIndexingMap(operand), index))
                     .getResult()
               : operand->get();
  } else {
    Operation *inner = value.getDefiningOp();
    if (inner->getBlock() != op.getBody())
      return value;
    if (auto loop = dyn_cast<linalg::IndexOp>(inner)) {
      made = index[loop.getDim()];
    } else {
      for (Value operand : inner->getOperands())
        emit(operand, index, known);
      b.clone(*inner, known);
      return known.lookup(value);
    }
  }
  known.map(value, made);
  return made;
}

Value GenericOnMemory::loadResult(ArrayRef<Value> index) {
  OpOperand *result = op.getDpsInitOperand(0);
  return memref::LoadOp::create(b, getLoc(), result->get(),
                                position(op.getMatchingIndexingMap(result), index));
}

void GenericOnMemory::storeResult(Value value, ArrayRef<Value> index) {
  OpOperand *result = op.getDpsInitOperand(0);
  memref::StoreOp::create(b, getLoc(), value, result->get(),
                          position(op.getMatchingIndexingMap(result), index));
}

void GenericOnMemory::forEach(ArrayRef<unsigned> loops, SmallVectorImpl<Value> &index,
                              llvm::function_ref<void()> body) {
  OpBuilder::InsertionGuard guard(b);
  for (unsigned loop : loops) {
    auto each = scf::ForOp::create(b, getLoc(), constant(0), extent(loop), constant(1));
    index[loop] = each.getInductionVar();
    b.setInsertionPointToStart(each.getBody());
  }
  body();
}
