// SPDX-License-Identifier: Apache-2.0
// The emitter's extents and scalars: values at the function's entry, which dominate all.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/GPU/ElementEmitter.h"

using namespace mlir;
using namespace mlir::torsh::gpu;

Value ElementEmitter::constant(int64_t value) {
  Value &known = constants[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(entryEnd);
    known = arith::ConstantIndexOp::create(b, loc, value);
  }
  return known;
}

Value ElementEmitter::extent(Value tensor, int64_t axis) {
  auto type = cast<ShapedType>(tensor.getType());
  if (!type.isDynamicDim(axis))
    return constant(type.getDimSize(axis));
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    // The extents follow the memory, those of one argument after those of another.
    unsigned number = kernel.getNumArguments();
    for (BlockArgument other : kernel.getArguments()) {
      auto memory = cast<MemRefType>(other.getType());
      for (int64_t i = 0; i < memory.getRank(); ++i) {
        if (!memory.isDynamicDim(i))
          continue;
        if (other == argument && i == axis)
          return function.getArgument(number);
        ++number;
      }
    }
  }
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  Operation *op = tensor.getDefiningOp();
  if (auto source = dyn_cast<bufferization::ToTensorOp>(op))
    return extent(source.getBuffer(), axis);
  if (auto generic = dyn_cast<linalg::LinalgOp>(op))
    return extent(generic.getDpsInits()[cast<OpResult>(tensor).getResultNumber()], axis);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return extent(insert.getDest(), axis);
  if (isa<tensor::CastOp, bufferization::MaterializeInDestinationOp>(op))
    return extent(op->getOperand(0), axis);
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    Value product = constant(1);
    for (int64_t i : collapse.getReassociationIndices()[axis])
      product = mul(product, extent(collapse.getSrc(), i));
    return product;
  }
  SmallVector<OpFoldResult> sizes;
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    sizes = empty.getMixedSizes();
  else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    sizes = expand.getMixedOutputShape();
  else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    for (auto [i, size] : llvm::enumerate(slice.getMixedSizes()))
      if (!dropped.test(i))
        sizes.push_back(size);
  }
  FailureOr<Value> value = sizes.empty() ? FailureOr<Value>(failure()) : foldResult(sizes[axis]);
  if (succeeded(value))
    return *value;
  // The verifier of the phase before allows nothing else; the code is never run.
  op->emitError("cannot tell an extent of the result of '") << op->getName() << "'";
  return constant(0);
}

SmallVector<Value> ElementEmitter::extents(Value tensor) {
  SmallVector<Value> result;
  for (int64_t axis = 0; axis < cast<ShapedType>(tensor.getType()).getRank(); ++axis)
    result.push_back(extent(tensor, axis));
  return result;
}

SmallVector<Value> ElementEmitter::loopExtents(linalg::LinalgOp op) {
  SmallVector<Value> result(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim)
        continue;
      Value &known = result[dim.getPosition()];
      bool isStatic = !cast<ShapedType>(operand.get().getType()).isDynamicDim(axis);
      // A static extent says more than a dynamic one.
      if (!known || (isStatic && !getConstantIntValue(known)))
        known = extent(operand.get(), axis);
    }
  }
  return result;
}

Value ElementEmitter::volume(ArrayRef<Value> extents) {
  // A product is the same wherever it is asked for.
  Value &known = extentProducts[key({}, extents)];
  if (!known) {
    countedSpaces.emplace_back(extents);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(entryEnd);
    Value product = constant(1);
    for (Value extent : extents)
      product = mul(product, extent);
    known = product;
  }
  return known;
}

FailureOr<Value> ElementEmitter::foldResult(OpFoldResult value) {
  if (std::optional<int64_t> known = getConstantIntValue(value))
    return constant(*known);
  return scalar(cast<Value>(value));
}

FailureOr<Value> ElementEmitter::scalar(Value value) {
  if (auto found = scalars.find(value); found != scalars.end())
    return found->second;
  if (std::optional<int64_t> known = getConstantIntValue(value); known && value.getType().isIndex())
    return constant(*known);
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions())
    return kernel.emitError("a gpu kernel depends on a scalar that is not computed in it"),
           failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  Value result;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    if (std::optional<int64_t> axis = dim.getConstantIndex())
      result = extent(dim.getSource(), *axis);
  } else if (auto dim = dyn_cast<memref::DimOp>(op)) {
    if (std::optional<int64_t> axis = dim.getConstantIndex())
      result = extent(dim.getSource(), *axis);
  } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    SmallVector<Value> index;
    for (Value own : extract.getIndices()) {
      FailureOr<Value> value = scalar(own);
      if (failed(value))
        return failure();
      index.push_back(*value);
    }
    // What is known further in does not dominate the entry.
    std::vector<Known> inner(1);
    std::swap(known, inner);
    FailureOr<Value> element = emit(extract.getTensor(), index);
    std::swap(known, inner);
    if (failed(element))
      return failure();
    result = *element;
  } else {
    IRMapping map;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> own = scalar(operand);
      if (failed(own))
        return failure();
      map.map(operand, *own);
    }
    result = b.clone(*op, map)->getResult(cast<OpResult>(value).getResultNumber());
  }
  if (!result)
    return op->emitError("cannot tell an extent whose axis is not constant"), failure();
  scalars[value] = result;
  return result;
}
