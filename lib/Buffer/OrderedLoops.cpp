// SPDX-License-Identifier: Apache-2.0
// Parts of a generic's body at points of its loops.

#include "OrderedLoops.h"
#include "ElementwiseReader.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

GenericOnMemory::GenericOnMemory(OpBuilder &builder, linalg::GenericOp op) : b(builder), op(op) {
  ranges = cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, op.getLoc());
  staticRanges = op.getStaticLoopRanges();
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

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

void GenericOnMemory::forEachSource(Value value, ArrayRef<Value> given,
                                    llvm::function_ref<void(Value)> visit) {
  SmallVector<Value> worklist{value};
  llvm::SmallDenseSet<Value> seen;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (llvm::is_contained(given, next) || !seen.insert(next).second)
      continue;
    visit(next);
    if (Operation *inner = next.getDefiningOp(); inner && inner->getBlock() == op.getBody())
      llvm::append_range(worklist, inner->getOperands());
  }
}

/// Whether the elements along a loop are neighbours, or one and the same, in memory that can be
/// loaded as vectors.
static bool isAlong(Value memory, AffineMap map, unsigned loop) {
  auto type = dyn_cast<MemRefType>(memory.getType());
  if (!type)
    return true;
  // Bools are stored as bytes.
  if (type.getElementType().isInteger(1))
    return false;
  for (AffineExpr expr : map.getResults())
    if (expr != map.getResults().back() && expr.isFunctionOfDim(loop))
      return false;
  if (!map.isFunctionOfDim(loop))
    return true;
  return isa<AffineDimExpr>(map.getResults().back()) && type.isLastDimUnitStride();
}

bool GenericOnMemory::canVectorize(Value value, unsigned along, ArrayRef<Value> given) {
  bool can = true;
  forEachSource(value, given, [&](Value source) {
    if (auto argument = dyn_cast<BlockArgument>(source);
        argument && argument.getOwner() == op.getBody()) {
      OpOperand *operand = op.getMatchingOpOperand(argument);
      can &= isAlong(operand->get(), op.getMatchingIndexingMap(operand), along);
    } else if (Operation *inner = source.getDefiningOp();
               inner && inner->getBlock() == op.getBody()) {
      can &= inner->getNumResults() == 1 && OpTrait::hasElementwiseMappableTraits(inner);
    }
  });
  return can;
}

bool GenericOnMemory::isAlongResult(unsigned loop) {
  OpOperand *result = op.getDpsInitOperand(0);
  AffineMap map = op.getMatchingIndexingMap(result);
  return map.isFunctionOfDim(loop) && isAlong(result->get(), map, loop);
}

unsigned GenericOnMemory::widestBits(Value value, ArrayRef<Value> given) {
  unsigned bits = 0;
  forEachSource(value, given, [&](Value source) {
    Type type = source.getType();
    bits = std::max(bits, type.isIndex() ? 64 : type.getIntOrFloatBitWidth());
  });
  return bits;
}

Value GenericOnMemory::emitVector(Value value, ArrayRef<Value> index, unsigned along, int64_t lanes,
                                  IRMapping &known) {
  if (Value found = known.lookupOrNull(value))
    return found;
  Location loc = getLoc();
  auto type = VectorType::get(lanes, value.getType());
  auto splat = [&](Value scalar) -> Value {
    IRMapping scalars;
    return vector::BroadcastOp::create(b, loc, type, emit(scalar, index, scalars));
  };
  Value made;
  auto argument = dyn_cast<BlockArgument>(value);
  Operation *inner = value.getDefiningOp();
  if (argument && argument.getOwner() == op.getBody()) {
    OpOperand *operand = op.getMatchingOpOperand(argument);
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (isa<MemRefType>(operand->get().getType()) && map.isFunctionOfDim(along))
      made = vector::LoadOp::create(b, loc, type, operand->get(), position(map, index));
    else
      made = splat(value);
    known.map(value, made);
    return made;
  }
  if (argument || inner->getBlock() != op.getBody() || inner->getNumOperands() == 0)
    return splat(value);
  for (Value operand : inner->getOperands())
    if (!known.contains(operand))
      known.map(operand, emitVector(operand, index, along, lanes, known));
  cloneOnVectors(b, inner, known, lanes);
  return known.lookup(value);
}

Value GenericOnMemory::loadResultVector(ArrayRef<Value> index, int64_t lanes) {
  OpOperand *result = op.getDpsInitOperand(0);
  auto type = VectorType::get(lanes, getElementTypeOrSelf(result->get().getType()));
  return vector::LoadOp::create(b, getLoc(), type, result->get(),
                                position(op.getMatchingIndexingMap(result), index));
}

void GenericOnMemory::storeResultVector(Value vector, ArrayRef<Value> index) {
  OpOperand *result = op.getDpsInitOperand(0);
  vector::StoreOp::create(b, getLoc(), vector, result->get(),
                          position(op.getMatchingIndexingMap(result), index));
}
