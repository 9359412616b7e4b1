// SPDX-License-Identifier: Apache-2.0
// Elements of the results of generics: their bodies, and reductions by one thread.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "torshjit/GPU/ElementEmitter.h"

using namespace mlir;
using namespace mlir::torsh::gpu;

FailureOr<Value> ElementEmitter::computeGeneric(linalg::GenericOp op, unsigned result,
                                                ArrayRef<Value> index) {
  AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(result));
  SmallVector<Value> loops(op.getNumLoops(), constant(0));
  for (auto [expr, value] : llvm::zip_equal(map.getResults(), index)) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return op.emitError("a gpu kernel needs results that are indexed by loops"), failure();
    loops[dim.getPosition()] = value;
  }
  SmallVector<unsigned> reductions;
  for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
    if (iterator == utils::IteratorType::reduction)
      reductions.push_back(loop);
  SmallVector<Value> carried;
  for (auto [number, init] : llvm::enumerate(op.getDpsInits())) {
    // All results are indexed alike: no front end builds others.
    bool isRead = !reductions.empty() || !op.getRegionOutputArgs()[number].use_empty();
    FailureOr<Value> value = isRead ? emit(init, index) : FailureOr<Value>(Value());
    if (failed(value))
      return failure();
    carried.push_back(*value);
  }
  FailureOr<SmallVector<Value>> values = computeReduction(op, loops, reductions, 0, carried);
  if (failed(values))
    return failure();
  for (auto [number, value] : llvm::enumerate(*values))
    define(op.getResult(number), index, value);
  return (*values)[result];
}

FailureOr<SmallVector<Value>> ElementEmitter::computeReduction(linalg::GenericOp op,
                                                               ArrayRef<Value> loops,
                                                               ArrayRef<unsigned> reductions,
                                                               size_t next,
                                                               SmallVector<Value> carried) {
  if (next == reductions.size())
    return emitBody(op, loops, carried);
  unsigned loop = reductions[next];
  Value extent = loopExtents(op)[loop];
  return forLoop(constant(0), extent, constant(1), carried, [&](Value i, ValueRange inner) {
    SmallVector<Value> own(loops);
    own[loop] = i;
    return computeReduction(op, own, reductions, next + 1, SmallVector<Value>(inner));
  });
}

FailureOr<SmallVector<Value>> ElementEmitter::emitBody(linalg::GenericOp op, ArrayRef<Value> loops,
                                                       ArrayRef<Value> outputs) {
  SmallVector<Value> inputs;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(operand);
    if (argument.use_empty()) { // Only gives loops their extents.
      inputs.push_back({});
      continue;
    }
    FailureOr<SmallVector<Value>> index = apply(op.getMatchingIndexingMap(operand), loops);
    if (failed(index))
      return failure();
    FailureOr<Value> value = isa<ShapedType>(operand->get().getType())
                                 ? emit(operand->get(), *index)
                                 : scalar(operand->get());
    if (failed(value))
      return failure();
    inputs.push_back(*value);
  }
  return emitBody(op, loops, inputs, outputs);
}

FailureOr<SmallVector<Value>> ElementEmitter::emitBody(linalg::GenericOp op, ArrayRef<Value> loops,
                                                       ArrayRef<Value> inputs,
                                                       ArrayRef<Value> outputs) {
  IRMapping map;
  SmallVector<Value> values(inputs);
  llvm::append_range(values, outputs);
  for (auto [argument, value] : llvm::zip_equal(op.getBody()->getArguments(), values))
    if (value)
      map.map(argument, value);
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      map.map(index.getResult(), loops[index.getDim()]);
      continue;
    }
    SmallVector<Value> operands;
    auto extract = dyn_cast<tensor::ExtractOp>(inner);
    for (Value operand : extract ? ValueRange(extract.getIndices()) : inner.getOperands()) {
      FailureOr<Value> own =
          map.contains(operand) ? FailureOr<Value>(map.lookup(operand)) : scalar(operand);
      if (failed(own))
        return failure();
      operands.push_back(*own);
    }
    if (extract) {
      FailureOr<Value> value = emit(extract.getTensor(), operands);
      if (failed(value))
        return failure();
      map.map(extract.getResult(), *value);
      continue;
    }
    if (inner.getNumRegions())
      return inner.emitError("'") << inner.getName() << "' is not allowed in a gpu kernel's body",
             failure();
    Operation *copy = b.clone(inner, map);
    copy->setOperands(operands);
  }
  SmallVector<Value> yielded;
  for (Value value : op.getBody()->getTerminator()->getOperands()) {
    FailureOr<Value> own =
        map.contains(value) ? FailureOr<Value>(map.lookup(value)) : scalar(value);
    if (failed(own))
      return failure();
    yielded.push_back(*own);
  }
  return yielded;
}
