// SPDX-License-Identifier: Apache-2.0
// The operations of tensor that read, make and reshape tensors.

#include "Importer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// Extents of the program as those of the import.
FailureOr<Extents> importExtents(Importer &im, Operation *op, ArrayRef<OpFoldResult> shape) {
  Extents result;
  for (OpFoldResult extent : shape) {
    FailureOr<OpFoldResult> own = im.extentOf(op, extent);
    if (failed(own))
      return failure();
    result.push_back(*own);
  }
  return result;
}

LogicalResult importDim(Importer &im, tensor::DimOp op) {
  TensorBuilder &t = im.t;
  Value source = im.get(op.getSource());
  std::optional<int64_t> axis = im.constantOf(op.getIndex());
  if (!t.isTensor(source) || !axis || *axis < 0 || *axis >= t.typeOf(source).getRank())
    return im.refuse(op, "the axis must be a constant within the rank");
  OpFoldResult extent = t.extent(source, *axis);
  return im.set(op.getResult(), getValueOrCreateConstantIndexOp(t.builder(), t.getLoc(), extent));
}

LogicalResult importEmpty(Importer &im, tensor::EmptyOp op) {
  // Nothing reads what is there before it is written; zeros cost nothing where nothing does.
  Type element = op.getType().getElementType();
  FailureOr<Extents> shape = importExtents(im, op, op.getMixedSizes());
  if (!im.t.isElement(element))
    return im.refuse(op, "the dialect has no tensors of that element type");
  if (failed(shape))
    return failure();
  return im.set(op.getResult(), im.t.broadcast(im.t.scalar(element, 0), *shape));
}

LogicalResult importSplat(Importer &im, tensor::SplatOp op) {
  SmallVector<OpFoldResult> sizes =
      getMixedValues(op.getType().getShape(), op.getDynamicSizes(), op.getContext());
  FailureOr<Extents> shape = importExtents(im, op, sizes);
  if (failed(shape))
    return failure();
  return im.set(op.getResult(), im.t.broadcast(im.tensorOf(im.get(op.getInput())), *shape));
}

LogicalResult importFromElements(Importer &im, tensor::FromElementsOp op) {
  SmallVector<Value> parts;
  for (Value element : op.getElements()) {
    Value part = im.t.reshape(im.tensorOf(im.get(element)), {im.t.index(1)});
    if (!part)
      return failure();
    parts.push_back(part);
  }
  if (parts.empty())
    return im.refuse(op, "a tensor of no elements");
  SmallVector<OpFoldResult> shape =
      getAsIndexOpFoldResult(op.getContext(), op.getType().getShape());
  return im.set(op.getResult(), im.t.reshape(im.t.concat(parts, 0), shape));
}

LogicalResult importGenerate(Importer &im, tensor::GenerateOp op) {
  TensorBuilder &t = im.t;
  SmallVector<OpFoldResult> sizes = getMixedValues(cast<RankedTensorType>(op.getType()).getShape(),
                                                   op.getDynamicExtents(), op.getContext());
  FailureOr<Extents> shape = importExtents(im, op, sizes);
  if (failed(shape))
    return failure();
  Block &body = op.getBody().front();
  for (BlockArgument place : body.getArguments()) {
    Extents along(shape->size(), t.index(1));
    along[place.getArgNumber()] = (*shape)[place.getArgNumber()];
    if (failed(im.set(place, t.iota(along, place.getArgNumber(), t.builder().getI64Type()))))
      return failure();
  }
  if (failed(im.importBlock(body)))
    return failure();
  Value element = im.tensorOf(im.get(cast<tensor::YieldOp>(body.getTerminator()).getValue()));
  t.setLoc(op.getLoc());
  return im.set(op.getResult(), t.broadcast(element, *shape));
}

LogicalResult importExtract(Importer &im, tensor::ExtractOp op) {
  TensorBuilder &t = im.t;
  Value x = im.get(op.getTensor());
  SmallVector<Value> indices;
  SmallVector<int64_t> axes;
  bool areKnown = true;
  for (auto [axis, index] : llvm::enumerate(op.getIndices())) {
    std::optional<int64_t> known = im.constantOf(index);
    int64_t extent = t.typeOf(x).getDimSize(axis);
    if (known && (*known < 0 || (!ShapedType::isDynamic(extent) && *known >= extent)))
      return im.refuse(op, "index " + Twine(*known) + " is out of range for axis " + Twine(axis) +
                               " of extent " + Twine(extent));
    areKnown &= known.has_value();
    indices.push_back(im.tensorOf(im.get(index)));
    if (!indices.back())
      return failure();
    axes.push_back(axis);
  }
  if (axes.empty())
    return im.set(op.getResult(), x);
  if (!areKnown)
    return im.set(op.getResult(), t.gather(x, indices, axes));
  for (int64_t axis : llvm::reverse(axes)) {
    x = t.pick(x, axis, *im.constantOf(op.getIndices()[axis]));
    if (!x)
      return failure();
  }
  return im.set(op.getResult(), x);
}

/// `x[offset : offset + size * stride : stride]` along an axis; null after an error.
Value sliceAxis(Importer &im, Operation *op, Value x, int64_t axis, OpFoldResult offset,
                OpFoldResult size, OpFoldResult stride) {
  TensorBuilder &t = im.t;
  auto known = [&](OpFoldResult value) -> std::optional<int64_t> {
    auto index = dyn_cast<Value>(value);
    return index ? im.constantOf(index) : getConstantIntValue(value);
  };
  std::optional<int64_t> start = known(offset), count = known(size), step = known(stride);
  if (!step)
    return im.refuse(op, "the strides must be constants"), Value();
  int64_t extent = t.typeOf(x).getDimSize(axis);
  if (start && count) {
    if (*count == 0)
      return t.slice(x, axis, 0, 0);
    int64_t last = *start + (*count - 1) * *step;
    if (*count < 0 || *start < 0 || last < 0 || *step == 0 ||
        (!ShapedType::isDynamic(extent) && (*start >= extent || last >= extent)))
      return im.refuse(op, "axis " + Twine(axis) + " has no such elements"), Value();
    if (ShapedType::isDynamic(extent) && *step < 0)
      return im.refuse(op, "a negative stride along a dynamic axis"), Value();
    // One past the last element in the direction of the stride.
    return t.slice(x, axis, *start, last + (*step > 0 ? 1 : -1), *step);
  }
  FailureOr<OpFoldResult> extentOfResult = im.extentOf(op, size);
  if (failed(extentOfResult))
    return {};
  Value begin =
      start ? t.scalar(t.builder().getI64Type(), *start) : im.tensorOf(im.get(cast<Value>(offset)));
  return t.window(x, axis, begin, *extentOfResult, *step);
}

LogicalResult importExtractSlice(Importer &im, tensor::ExtractSliceOp op) {
  TensorBuilder &t = im.t;
  Value x = im.get(op.getSource());
  SmallVector<OpFoldResult> offsets = op.getMixedOffsets(), sizes = op.getMixedSizes(),
                            strides = op.getMixedStrides();
  for (size_t axis = 0; axis < offsets.size(); ++axis) {
    x = sliceAxis(im, op, x, axis, offsets[axis], sizes[axis], strides[axis]);
    if (!x)
      return failure();
  }
  llvm::SmallBitVector dropped = op.getDroppedDims();
  Extents shape;
  for (auto [axis, extent] : llvm::enumerate(t.extents(x)))
    if (!dropped.test(axis))
      shape.push_back(extent);
  return im.set(op.getResult(), dropped.none() ? x : t.reshape(x, shape));
}

LogicalResult importConcat(Importer &im, tensor::ConcatOp op) {
  return im.set(op.getResult(), im.t.concat(im.get(op.getInputs()), op.getDim()));
}

LogicalResult importExpandShape(Importer &im, tensor::ExpandShapeOp op) {
  FailureOr<Extents> shape = importExtents(im, op, op.getMixedOutputShape());
  if (failed(shape))
    return failure();
  return im.set(op.getResult(), im.t.reshape(im.get(op.getSrc()), *shape));
}

LogicalResult importCollapseShape(Importer &im, tensor::CollapseShapeOp op) {
  Value x = im.get(op.getSrc());
  Extents extents = im.t.extents(x), shape;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    Extents factors;
    for (int64_t axis : group)
      factors.push_back(extents[axis]);
    shape.push_back(im.t.product(factors));
  }
  return im.set(op.getResult(), im.t.reshape(x, shape));
}

LogicalResult importReshape(Importer &im, tensor::ReshapeOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getResult().getType());
  Extents shape;
  if (type && type.hasStaticShape()) {
    shape = getAsIndexOpFoldResult(op.getContext(), type.getShape());
  } else {
    auto constant = im.get(op.getShape()).getDefiningOp<ConstantOp>();
    auto numbers = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : nullptr;
    if (!numbers)
      return im.refuse(op, "a shape that depends on the elements of a tensor");
    for (const APInt &number : numbers)
      shape.push_back(im.t.index(number.getSExtValue()));
  }
  return im.set(op.getResult(), im.t.reshape(im.get(op.getSource()), shape));
}

LogicalResult importCast(Importer &im, tensor::CastOp op) {
  TensorBuilder &t = im.t;
  Value x = im.get(op.getSource());
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type)
    return im.refuse(op, "the dialect has no tensors without a rank");
  // What is known stays known; what the cast claims is checked when the program runs.
  Extents shape = t.extents(x);
  bool claims = false;
  for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
    int64_t own = t.typeOf(x).getDimSize(axis);
    if (ShapedType::isDynamic(extent) || own == extent)
      continue;
    if (!ShapedType::isDynamic(own))
      return im.refuse(op, "axis " + Twine(axis) + " has extent " + Twine(own));
    shape[axis] = t.index(extent);
    claims = true;
  }
  return im.set(op.getResult(), claims ? t.broadcast(x, shape) : x);
}

} // namespace

std::optional<LogicalResult> mlir::torsh::importTensorOp(Importer &im, Operation *op) {
  using Result = std::optional<LogicalResult>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](tensor::DimOp each) { return importDim(im, each); })
      .Case([&](tensor::EmptyOp each) { return importEmpty(im, each); })
      .Case([&](tensor::SplatOp each) { return importSplat(im, each); })
      .Case([&](tensor::FromElementsOp each) { return importFromElements(im, each); })
      .Case([&](tensor::GenerateOp each) { return importGenerate(im, each); })
      .Case([&](tensor::ExtractOp each) { return importExtract(im, each); })
      .Case([&](tensor::ExtractSliceOp each) { return importExtractSlice(im, each); })
      .Case([&](tensor::ConcatOp each) { return importConcat(im, each); })
      .Case([&](tensor::ExpandShapeOp each) { return importExpandShape(im, each); })
      .Case([&](tensor::CollapseShapeOp each) { return importCollapseShape(im, each); })
      .Case([&](tensor::ReshapeOp each) { return importReshape(im, each); })
      .Case([&](tensor::CastOp each) { return importCast(im, each); })
      .Case([&](tensor::RankOp each) -> Result {
        return im.set(each.getResult(), arith::ConstantIndexOp::create(
                                            im.t.builder(), im.t.getLoc(),
                                            im.t.typeOf(im.get(each.getTensor())).getRank()));
      })
      .Default([](Operation *) { return Result(); });
}
