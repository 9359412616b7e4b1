// SPDX-License-Identifier: Apache-2.0
// Elements of tensors: what each operation of the linalg phase gives at an index.

#include "torshjit/GPU/ElementEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh::gpu;

/// Tables with more elements are not written into the code.
static constexpr int64_t kLargestTable = 256;

Type mlir::torsh::gpu::getMemoryType(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element;
}

ElementEmitter::ElementEmitter(func::FuncOp kernel, ::mlir::gpu::GPUFuncOp function,
                               OpBuilder &builder)
    : kernel(kernel), function(function), b(builder), loc(kernel.getLoc()) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  entryEnd = arith::ConstantIndexOp::create(b, loc, 0);
}

//===----------------------------------------------------------------------===//
// What is known
//===----------------------------------------------------------------------===//

ElementEmitter::Key ElementEmitter::key(Value tensor, ArrayRef<Value> index) {
  Key key{tensor ? tensor.getAsOpaquePointer() : nullptr};
  for (Value value : index)
    key.push_back(value.getAsOpaquePointer());
  return key;
}

void ElementEmitter::define(Value tensor, ArrayRef<Value> index, Value value) {
  known.back().elements[key(tensor, index)] = value;
}

void ElementEmitter::definePosition(ArrayRef<Value> extents, ArrayRef<Value> index,
                                    Value position) {
  SmallVector<Value> both(extents);
  llvm::append_range(both, index);
  known.back().positions[key({}, both)] = position;
}

void ElementEmitter::defineSource(Value reshaped, ArrayRef<Value> index,
                                  ArrayRef<Value> sourceIndex) {
  known.back().sources[key(reshaped, index)] = SmallVector<Value>(sourceIndex);
}

const SmallVector<Value> *ElementEmitter::findSource(Value reshaped, ArrayRef<Value> index) {
  for (Known &scope : llvm::reverse(known))
    if (auto found = scope.sources.find(key(reshaped, index)); found != scope.sources.end())
      return &found->second;
  return nullptr;
}

FailureOr<Value> ElementEmitter::emit(Value tensor, ArrayRef<Value> index) {
  Key id = key(tensor, index);
  for (Known &scope : llvm::reverse(known))
    if (auto found = scope.elements.find(id); found != scope.elements.end())
      return found->second;
  FailureOr<Value> value = compute(tensor, index);
  if (succeeded(value))
    known.back().elements[id] = *value;
  return value;
}

//===----------------------------------------------------------------------===//
// Operations on tensors
//===----------------------------------------------------------------------===//

FailureOr<Value> ElementEmitter::compute(Value tensor, ArrayRef<Value> index) {
  Operation *op = tensor.getDefiningOp();
  if (!op)
    return kernel.emitError("a kernel's tensor is not computed in it"), failure();
  if (auto source = dyn_cast<bufferization::ToTensorOp>(op))
    if (auto argument = dyn_cast<BlockArgument>(source.getBuffer()))
      return load(argument, index);
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return computeGeneric(generic, cast<OpResult>(tensor).getResultNumber(), index);
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return scalar(fill.getInputs()[0]);
  if (isa<tensor::EmptyOp>(op)) // Never read where it matters.
    return arith::ConstantOp::create(
               b, loc, b.getZeroAttr(cast<ShapedType>(tensor.getType()).getElementType()))
        .getResult();
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return emit(cast.getSource(), index);
  if (auto copy = dyn_cast<bufferization::MaterializeInDestinationOp>(op))
    return emit(copy.getSource(), index);
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return computeInsertSlice(insert, index);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    SmallVector<OpFoldResult> offsets = slice.getMixedOffsets(), strides = slice.getMixedStrides();
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    SmallVector<Value> source;
    size_t next = 0;
    for (size_t axis = 0; axis < offsets.size(); ++axis) {
      FailureOr<Value> offset = foldResult(offsets[axis]), stride = foldResult(strides[axis]);
      if (failed(offset) || failed(stride))
        return failure();
      source.push_back(dropped.test(axis) ? *offset : add(*offset, mul(index[next++], *stride)));
    }
    return emit(slice.getSource(), source);
  }
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
    if (const SmallVector<Value> *source = findSource(tensor, index))
      return emit(op->getOperand(0), *source);
    SmallVector<Value> source;
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      SmallVector<Value> shape = extents(tensor);
      for (const ReassociationIndices &group : expand.getReassociationIndices())
        source.push_back(linearize(index.slice(group.front(), group.size()),
                                   ArrayRef<Value>(shape).slice(group.front(), group.size())));
    } else {
      auto collapse = cast<tensor::CollapseShapeOp>(op);
      SmallVector<Value> shape = extents(collapse.getSrc());
      for (auto [axis, group] : llvm::enumerate(collapse.getReassociationIndices()))
        llvm::append_range(source, delinearize(index[axis], ArrayRef<Value>(shape).slice(
                                                                group.front(), group.size())));
    }
    return emit(op->getOperand(0), source);
  }
  DenseElementsAttr elements;
  if (matchPattern(tensor, m_Constant(&elements)))
    return computeConstant(elements, index);
  return op->emitError("'") << op->getName()
                            << "' is not an operation that gpu kernels are made of",
         failure();
}

FailureOr<Value> ElementEmitter::computeConstant(DenseElementsAttr elements,
                                                 ArrayRef<Value> index) {
  auto type = elements.getType();
  auto element = [&](Attribute value) -> Value {
    return arith::ConstantOp::create(b, loc, cast<TypedAttr>(value));
  };
  if (elements.isSplat())
    return element(elements.getSplatValue<Attribute>());
  if (type.getNumElements() > kLargestTable)
    return kernel.emitError("a constant of ")
               << type.getNumElements() << " elements lies inside a kernel; at most "
               << kLargestTable << " may",
           failure();
  SmallVector<Value> shape;
  for (int64_t extent : type.getShape())
    shape.push_back(constant(extent));
  if (elements.empty()) // Never read, but the code that would is emitted.
    return element(b.getZeroAttr(type.getElementType()));
  Value at = linearize(index, shape), result;
  for (auto [number, value] : llvm::enumerate(elements.getValues<Attribute>())) {
    Value own = element(value);
    result = result
                 ? arith::SelectOp::create(b, loc,
                                           arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                                                 at, constant(number)),
                                           own, result)
                       .getResult()
                 : own;
  }
  return result;
}

FailureOr<Value> ElementEmitter::computeInsertSlice(tensor::InsertSliceOp op,
                                                    ArrayRef<Value> index) {
  SmallVector<OpFoldResult> offsets = op.getMixedOffsets(), sizes = op.getMixedSizes(),
                            strides = op.getMixedStrides();
  llvm::SmallBitVector dropped = op.getDroppedDims();
  SmallVector<Value> source;
  Value inside;
  auto require = [&](Value condition) {
    inside = inside ? arith::AndIOp::create(b, loc, inside, condition).getResult() : condition;
  };
  for (size_t axis = 0; axis < offsets.size(); ++axis) {
    FailureOr<Value> offset = foldResult(offsets[axis]), size = foldResult(sizes[axis]);
    if (failed(offset) || failed(size))
      return failure();
    if (getConstantIntValue(strides[axis]) != 1)
      return op.emitError("a gpu kernel inserts only slices of stride 1"), failure();
    // Offsets and indices are not negative: one comparison without sign does for both
    // ends.
    Value own = sub(index[axis], *offset);
    bool isWhole = getConstantIntValue(*offset) == 0 && *size == extent(op.getDest(), axis);
    if (!isWhole)
      require(arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, own, *size));
    if (!dropped.test(axis))
      source.push_back(own);
  }
  if (!inside)
    return emit(op.getSource(), source);
  Type element = op.getSourceType().getElementType();
  auto branch = scf::IfOp::create(b, loc, TypeRange(element), inside, /*withElseRegion=*/true);
  auto fillBranch = [&](Block *block, Value tensor, ArrayRef<Value> at) -> LogicalResult {
    OpBuilder::InsertionGuard guard(b);
    Scope scope(*this);
    b.setInsertionPointToStart(block);
    FailureOr<Value> value = emit(tensor, at);
    if (failed(value))
      return failure();
    scf::YieldOp::create(b, loc, *value);
    return success();
  };
  if (failed(fillBranch(branch.thenBlock(), op.getSource(), source)) ||
      failed(fillBranch(branch.elseBlock(), op.getDest(), index)))
    return failure();
  return branch.getResult(0);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value ElementEmitter::position(ArrayRef<Value> index, ArrayRef<Value> extents) {
  SmallVector<Value> both(extents);
  llvm::append_range(both, index);
  Key id = key({}, both);
  for (Known &scope : llvm::reverse(known))
    if (auto found = scope.positions.find(id); found != scope.positions.end())
      return found->second;
  return known.back().positions[id] = linearize(index, extents);
}

/// The extents of an argument's memory, which are those of a tensor read from it.
static SmallVector<Value> argumentExtents(ElementEmitter &emitter, BlockArgument argument) {
  SmallVector<Value> extents;
  for (int64_t axis = 0; axis < cast<MemRefType>(argument.getType()).getRank(); ++axis)
    extents.push_back(emitter.extent(argument, axis));
  return extents;
}

Value ElementEmitter::load(BlockArgument argument, ArrayRef<Value> index) {
  Value offset = position(index, argumentExtents(*this, argument));
  Value value =
      memref::LoadOp::create(b, loc, function.getArgument(argument.getArgNumber()), offset);
  if (cast<MemRefType>(argument.getType()).getElementType().isInteger(1)) {
    Value zero = arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(0));
    value = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, value, zero);
  }
  return value;
}

void ElementEmitter::store(Value value, BlockArgument destination, ArrayRef<Value> index) {
  Value offset = position(index, argumentExtents(*this, destination));
  if (value.getType().isInteger(1))
    value = arith::ExtUIOp::create(b, loc, b.getI8Type(), value);
  memref::StoreOp::create(b, loc, value, function.getArgument(destination.getArgNumber()), offset);
}
