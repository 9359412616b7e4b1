// SPDX-License-Identifier: Apache-2.0
// The operations of tensor that write into a part of a tensor, and the margins of pad.

#include "Importer.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh;

using P = ComparePredicate;

namespace {

/// Where the elements of a part lie along one axis.
struct Range {
  int64_t offset, size, stride;
};

/// `destination` with its part along the axes from `axis` on replaced by `source`: what lies
/// before and after stays.
Value insertDense(TensorBuilder &t, Value destination, Value source, ArrayRef<Range> ranges,
                  size_t axis = 0) {
  if (axis == ranges.size())
    return source;
  const Range &range = ranges[axis];
  int64_t extent = t.typeOf(destination).getDimSize(axis), end = range.offset + range.size;
  Value middle = t.slice(destination, axis, range.offset, end);
  if (!middle)
    return {};
  middle = insertDense(t, middle, source, ranges, axis + 1);
  SmallVector<Value> parts;
  if (range.offset)
    parts.push_back(t.slice(destination, axis, 0, range.offset));
  parts.push_back(middle);
  if (end < extent)
    parts.push_back(t.slice(destination, axis, end, extent));
  return t.concat(parts, axis);
}

/// The same by place: each element of the destination looks up the one of the source that
/// replaces it, if there is one.
Value insertByPlace(Importer &im, Value destination, Value source, ArrayRef<Value> offsets,
                    ArrayRef<OpFoldResult> sizes, ArrayRef<int64_t> strides) {
  TensorBuilder &t = im.t;
  Type i64 = t.builder().getI64Type();
  Value isInside;
  Extents extents = t.extents(destination);
  SmallVector<Value> indices;
  SmallVector<int64_t> axes;
  for (size_t axis = 0; axis < extents.size(); ++axis) {
    Extents along(extents.size(), t.index(1));
    along[axis] = extents[axis];
    Value place = t.op("sub", {t.iota(along, axis, i64), t.cast(offsets[axis], i64)});
    Value step = t.like(place, strides[axis]);
    Value index = strides[axis] == 1 ? place : t.op("floor_divide", {place, step});
    std::optional<int64_t> size = getConstantIntValue(sizes[axis]);
    Value count = size ? t.like(place, *size) : t.fromSize(cast<Value>(sizes[axis]), i64);
    Value here = t.both(t.compare(P::ge, index, t.like(place, 0)), t.compare(P::lt, index, count));
    if (strides[axis] != 1)
      here = t.both(here, t.compare(P::eq, t.op("remainder", {place, step}), t.like(place, 0)));
    isInside = isInside ? t.both(isInside, here) : here;
    // Places outside are not looked at, but must be places.
    indices.push_back(t.select(here, index, t.like(place, 0)));
    axes.push_back(axis);
  }
  return t.select(isInside, t.gather(source, indices, axes), destination);
}

LogicalResult importInsertSlice(Importer &im, tensor::InsertSliceOp op) {
  TensorBuilder &t = im.t;
  Value destination = im.get(op.getDest()), source = im.get(op.getSource());
  SmallVector<OpFoldResult> mixedOffsets = op.getMixedOffsets(), mixedSizes = op.getMixedSizes(),
                            mixedStrides = op.getMixedStrides();
  if (mixedOffsets.empty())
    return im.set(op.getResult(), source);
  SmallVector<Value> offsets;
  SmallVector<OpFoldResult> sizes;
  SmallVector<int64_t> strides;
  SmallVector<Range> ranges;
  bool isDense = true;
  for (size_t axis = 0; axis < mixedOffsets.size(); ++axis) {
    auto known = [&](OpFoldResult value) -> std::optional<int64_t> {
      auto index = dyn_cast<Value>(value);
      return index ? im.constantOf(index) : getConstantIntValue(value);
    };
    std::optional<int64_t> offset = known(mixedOffsets[axis]), stride = known(mixedStrides[axis]);
    FailureOr<OpFoldResult> size = im.extentOf(op, mixedSizes[axis]);
    if (failed(size))
      return failure();
    if (!stride || *stride < 1)
      return im.refuse(op, "the strides must be positive constants");
    int64_t extent = t.typeOf(destination).getDimSize(axis);
    std::optional<int64_t> count = getConstantIntValue(*size);
    if (offset && count && *count &&
        (*offset < 0 || *count < 0 ||
         (!ShapedType::isDynamic(extent) && *offset + (*count - 1) * *stride >= extent)))
      return im.refuse(op, "axis " + Twine(axis) + " of the destination has no such elements");
    isDense &= offset && count && *stride == 1 && !ShapedType::isDynamic(extent);
    if (isDense)
      ranges.push_back({*offset, *count, *stride});
    offsets.push_back(offset ? t.scalar(t.builder().getI64Type(), static_cast<double>(*offset))
                             : im.tensorOf(im.get(cast<Value>(mixedOffsets[axis]))));
    if (!offsets.back())
      return failure();
    sizes.push_back(*size);
    strides.push_back(*stride);
  }
  if (llvm::any_of(sizes, [](OpFoldResult size) { return isConstantIntValue(size, 0); }))
    return im.set(op.getResult(), destination);
  source = t.reshape(source, sizes);
  return im.set(op.getResult(),
                isDense ? insertDense(t, destination, source, ranges)
                        : insertByPlace(im, destination, source, offsets, sizes, strides));
}

LogicalResult importInsert(Importer &im, tensor::InsertOp op) {
  TensorBuilder &t = im.t;
  Value destination = im.get(op.getDest()), element = im.tensorOf(im.get(op.getScalar()));
  Extents extents = t.extents(destination);
  Value isHere;
  for (auto [axis, index] : llvm::enumerate(op.getIndices())) {
    Extents along(extents.size(), t.index(1));
    along[axis] = extents[axis];
    Value place = t.iota(along, axis, t.builder().getI64Type());
    Value here = t.compare(P::eq, place, im.tensorOf(im.get(index)));
    isHere = isHere ? t.both(isHere, here) : here;
  }
  return im.set(op.getResult(), isHere ? t.select(isHere, element, destination) : element);
}

LogicalResult importPad(Importer &im, tensor::PadOp op) {
  TensorBuilder &t = im.t;
  Value x = im.get(op.getSource());
  Block &body = op.getRegion().front();
  if (llvm::any_of(body.getArguments(), [](BlockArgument place) { return !place.use_empty(); }))
    return im.refuse(op, "a margin whose elements depend on their place");
  if (failed(im.importBlock(body)))
    return failure();
  t.setLoc(op.getLoc());
  Value fill = im.tensorOf(im.get(cast<tensor::YieldOp>(body.getTerminator()).getValue()));
  SmallVector<int64_t> low, high;
  Extents margins[2];
  bool isKnown = true;
  for (auto [mixed, side, known] :
       {std::tuple(op.getMixedLowPad(), 0, &low), {op.getMixedHighPad(), 1, &high}})
    for (OpFoldResult margin : mixed) {
      FailureOr<OpFoldResult> own = im.extentOf(op, margin);
      if (failed(own))
        return failure();
      std::optional<int64_t> number = getConstantIntValue(*own);
      if (number && *number < 0)
        return im.refuse(op, "a negative margin");
      isKnown &= number.has_value();
      known->push_back(number.value_or(0));
      margins[side].push_back(*own);
    }
  if (isKnown)
    return im.set(op.getResult(), t.pad(x, low, high, fill));
  // Tensors of the margin before and after, along each axis in turn.
  for (int64_t axis = 0; axis < t.typeOf(x).getRank(); ++axis) {
    Extents shape = t.extents(x);
    SmallVector<Value> parts{x};
    for (int side : {0, 1}) {
      if (isConstantIntValue(margins[side][axis], 0))
        continue;
      shape[axis] = margins[side][axis];
      parts.insert(side ? parts.end() : parts.begin(), t.broadcast(fill, shape));
    }
    x = t.concat(parts, axis);
    if (!x)
      return failure();
  }
  return im.set(op.getResult(), x);
}

} // namespace

std::optional<LogicalResult> mlir::torsh::importInsertion(Importer &im, Operation *op) {
  using Result = std::optional<LogicalResult>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](tensor::InsertSliceOp each) { return importInsertSlice(im, each); })
      .Case([&](tensor::InsertOp each) { return importInsert(im, each); })
      .Case([&](tensor::PadOp each) { return importPad(im, each); })
      .Default([](Operation *) { return Result(); });
}
