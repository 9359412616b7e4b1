// SPDX-License-Identifier: Apache-2.0
// Reads and writes at positions that are data.
//
// A read is an elementwise generic that extracts. A write is a reduction over the
// updates, which each element of the result looks through for those that are meant
// for it: right on every target and in every order of threads. A target that can do
// better recognises it by its mark.

#include "Generic.h"
#include "OrderedBodies.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/ElementTypes.h"
#include "torshjit/Tensor/OrderedGenerics.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

using utils::IteratorType;

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

Value indexConstant(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// The extent of an axis of an operand of the operation being lowered, as a value
/// outside of its loops.
Value extentOf(OpBuilder &b, Location loc, Value tensor, int64_t axis) {
  return getValueOrCreateConstantIndexOp(b, loc, getExtent(b, loc, tensor, axis));
}

/// The index of a loop, 0 where it has none.
Value loopIndex(OpBuilder &b, Location loc, AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return linalg::IndexOp::create(b, loc, dim.getPosition());
  return indexConstant(b, loc, 0);
}

//===----------------------------------------------------------------------===//
// Reads
//===----------------------------------------------------------------------===//

/// Where an element is read along one axis of the data: at a position or by a loop.
struct ReadAxis {
  /// The number of the operand with the positions, or none.
  std::optional<unsigned> position;
  AffineExpr loop;
};

/// A tensor of elements of `data` (squeezed, of type `original`) at `axes`, one entry per axis.
Value readAt(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> extents, Value original,
             Value data, ArrayRef<ReadAxis> axes, ValueRange positions, ArrayRef<AffineMap> maps,
             ArrayRef<bool> areUnsigned) {
  RankedTensorType type = tensorType(original);
  Type element = tensorType(data).getElementType();
  if (llvm::is_contained(type.getShape(), 0)) // Nor are there any positions.
    return filledTensor(builder, loc, extents,
                        arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element)));
  SmallVector<Value> sizes;
  for (auto [axis, read] : llvm::enumerate(axes))
    sizes.push_back(read.position ? extentOf(builder, loc, original, axis) : Value());
  return elementwise(builder, loc, extents, positions, maps, element,
                     [&](OpBuilder &b, Location l, ValueRange x) -> Value {
                       SmallVector<Value> indices;
                       for (int64_t axis : keptAxes(type)) {
                         const ReadAxis &read = axes[axis];
                         Value index;
                         if (read.position) {
                           index = positionFromStart(b, l, x[*read.position],
                                                     areUnsigned[*read.position], sizes[axis]);
                           Value last =
                               arith::SubIOp::create(b, l, sizes[axis], indexConstant(b, l, 1));
                           index = arith::MinSIOp::create(b, l, index, last);
                           index = arith::MaxSIOp::create(b, l, index, indexConstant(b, l, 0));
                         } else {
                           index = loopIndex(b, l, read.loop);
                         }
                         indices.push_back(index);
                       }
                       return tensor::ExtractOp::create(b, l, data, indices);
                     });
}

// Pattern: gather -> generic over the result that extracts at the clamped positions
struct LowerGather : OpConversionPattern<GatherOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(GatherOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    RankedTensorType data = tensorType(op.getData()), type = tensorType(op.getResult());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> result;
    for (int64_t extent : type.getShape())
      result.push_back(loops.add(extent, IteratorType::parallel));
    int64_t first = op.getAxes().front(), numPositions = op.getIndexShape().size();
    ArrayRef<AffineExpr> positions = ArrayRef(result).slice(first, numPositions);
    SmallVector<ReadAxis> axes;
    int64_t next = 0; // among the result's axes that come from the data
    for (int64_t axis = 0; axis < data.getRank(); ++axis) {
      const auto *found = llvm::find(op.getAxes(), axis);
      if (found != op.getAxes().end()) {
        axes.push_back({static_cast<unsigned>(found - op.getAxes().begin()), {}});
        continue;
      }
      axes.push_back({std::nullopt, result[next < first ? next : next + numPositions]});
      ++next;
    }
    SmallVector<AffineMap> maps;
    SmallVector<bool> areUnsigned;
    for (Value index : op.getIndices()) {
      RankedTensorType own = tensorType(index);
      maps.push_back(loops.map(own, positions.take_back(own.getRank())));
      areUnsigned.push_back(isUnsigned(index.getType()));
    }
    rewriter.replaceOp(op, readAt(rewriter, op.getLoc(), *extents, op.getData(), adaptor.getData(),
                                  axes, adaptor.getIndices(), maps, areUnsigned));
    return success();
  }
};

// Pattern: take_along_axis -> generic over the result that extracts at the clamped position
struct LowerTakeAlongAxis : OpConversionPattern<TakeAlongAxisOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TakeAlongAxisOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = tensorType(op.getResult());
    FailureOr<SmallVector<OpFoldResult>> extents = squeezedExtents(rewriter, op);
    if (failed(extents))
      return rewriter.notifyMatchFailure(op, "cannot build the result's extents");
    Loops loops(rewriter.getContext());
    SmallVector<AffineExpr> result;
    SmallVector<ReadAxis> axes;
    for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
      result.push_back(loops.add(extent, IteratorType::parallel));
      axes.push_back({std::nullopt, result.back()});
      if (axis == op.getAxis())
        axes.back().position = 0;
    }
    AffineMap map = loops.map(tensorType(op.getIndices()), result);
    rewriter.replaceOp(op, readAt(rewriter, op.getLoc(), *extents, op.getData(), adaptor.getData(),
                                  axes, adaptor.getIndices(), map,
                                  isUnsigned(op.getIndices().getType())));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Writes
//===----------------------------------------------------------------------===//

/// What the two operations that write have in common once their loops are known.
struct Writes {
  /// The result's loop and the extent of each axis that is written at a position.
  SmallVector<std::pair<AffineExpr, int64_t>> axes;
  SmallVector<AffineExpr> result, updates;
  SmallVector<AffineMap> positionMaps;
  SmallVector<bool> areUnsigned;
  ScatterReduction reduction;
};

Value writeAt(OpBuilder &builder, Location loc, const Loops &loops, const Writes &writes,
              Value original, Value data, Value originalUpdates, Value updates,
              ValueRange positions) {
  RankedTensorType type = tensorType(original);
  Type element = tensorType(data).getElementType();
  bool combines = writes.reduction != ScatterReduction::none;
  Type wide = combines ? accumulatorType(element) : element;
  SmallVector<Value> extents;
  for (auto [loop, axis] : writes.axes)
    extents.push_back(extentOf(builder, loc, original, axis));
  SmallVector<Value> inputs(positions);
  inputs.push_back(updates);
  SmallVector<AffineMap> maps(writes.positionMaps);
  maps.push_back(loops.map(tensorType(originalUpdates), writes.updates));
  AffineMap resultMap = loops.map(type, writes.result);
  bool isUnsignedData = isUnsigned(original.getType());
  // `x`: the positions, the update, the element so far.
  auto body = [&](OpBuilder &b, Location l, ValueRange x) -> Value {
    Value isMeant = arith::ConstantOp::create(b, l, b.getBoolAttr(true));
    for (auto [i, axis] : llvm::enumerate(writes.axes)) {
      Value position = positionFromStart(b, l, x[i], writes.areUnsigned[i], extents[i]);
      Value isHere = arith::CmpIOp::create(b, l, arith::CmpIPredicate::eq, position,
                                           loopIndex(b, l, axis.first));
      isHere.getDefiningOp()->setAttr(kPositionMark, b.getUnitAttr());
      isMeant = i ? arith::AndIOp::create(b, l, isMeant, isHere).getResult() : isHere;
    }
    Value update = x[x.size() - 2], current = x.back();
    if (wide != element)
      update = convertFloat(b, l, update, wide);
    Value next = combine(b, l, writes.reduction, current, update, isUnsignedData);
    auto chosen = arith::SelectOp::create(b, l, isMeant, next, current);
    chosen->setAttr(kScatterMark, b.getUnitAttr());
    return chosen;
  };
  Value start = convertElements(builder, loc, data, wide);
  Value result;
  if (llvm::is_contained(loops.getIterators(), IteratorType::reduction)) {
    // What is written to is a copy from the beginning, which can lie where the result will.
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, start);
    Value empty = emptyTensor(builder, loc, sizes, wide);
    // One number everywhere is written, not copied from memory that is full of it.
    DenseElementsAttr number;
    if (start == data && matchPattern(original, m_Constant(&number)) && number.isSplat())
      start = filledTensor(
          builder, loc, sizes,
          arith::ConstantOp::create(
              builder, loc, cast<TypedAttr>(storedElements(number).getSplatValue<Attribute>())));
    else if (start == data)
      start =
          bufferization::MaterializeInDestinationOp::create(builder, loc, start, empty).getResult();
    result =
        torsh::reduce(builder, loc, inputs, maps, start, resultMap, loops.getIterators(), body);
  } else {
    inputs.push_back(start);
    maps.push_back(resultMap);
    result = elementwise(builder, loc, tensor::getMixedSizes(builder, loc, start), inputs, maps,
                         wide, body);
  }
  return convertElements(builder, loc, result, element);
}

// Pattern: scatter -> generic over the result that looks through all positions
struct LowerScatter : OpConversionPattern<ScatterOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ScatterOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    RankedTensorType data = tensorType(op.getData()), updates = tensorType(op.getUpdates());
    if (llvm::is_contained(updates.getShape(), 0) || llvm::is_contained(data.getShape(), 0)) {
      rewriter.replaceOp(op, adaptor.getData());
      return success();
    }
    Loops loops(rewriter.getContext());
    Writes writes;
    writes.reduction = op.getReduction();
    for (auto [axis, extent] : llvm::enumerate(data.getShape()))
      writes.result.push_back(loops.add(extent, IteratorType::parallel));
    SmallVector<AffineExpr> positions;
    SmallVector<int64_t> shape = op.getIndexShape();
    int64_t first = op.getAxes().front();
    for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i)
      positions.push_back(loops.add(shape[i], IteratorType::reduction));
    for (int64_t axis = 0; axis < data.getRank(); ++axis) {
      if (axis == first)
        llvm::append_range(writes.updates, positions);
      if (llvm::is_contained(op.getAxes(), axis))
        writes.axes.push_back({writes.result[axis], axis});
      else
        writes.updates.push_back(writes.result[axis]);
    }
    for (Value index : op.getIndices()) {
      RankedTensorType own = tensorType(index);
      writes.positionMaps.push_back(loops.map(own, ArrayRef(positions).take_back(own.getRank())));
      writes.areUnsigned.push_back(isUnsigned(index.getType()));
    }
    rewriter.replaceOp(op, writeAt(rewriter, op.getLoc(), loops, writes, op.getData(),
                                   adaptor.getData(), op.getUpdates(), adaptor.getUpdates(),
                                   adaptor.getIndices()));
    return success();
  }
};

// Pattern: put_along_axis -> generic over the result that looks through its row of positions
struct LowerPutAlongAxis : OpConversionPattern<PutAlongAxisOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(PutAlongAxisOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    RankedTensorType data = tensorType(op.getData()), indices = tensorType(op.getIndices());
    if (llvm::is_contained(indices.getShape(), 0) || llvm::is_contained(data.getShape(), 0)) {
      rewriter.replaceOp(op, adaptor.getData());
      return success();
    }
    auto axis = static_cast<int64_t>(op.getAxis());
    Loops loops(rewriter.getContext());
    Writes writes;
    writes.reduction = op.getReduction();
    for (int64_t extent : data.getShape())
      writes.result.push_back(loops.add(extent, IteratorType::parallel));
    writes.updates = writes.result;
    writes.updates[axis] = loops.add(indices.getDimSize(axis), IteratorType::reduction);
    writes.axes.push_back({writes.result[axis], axis});
    writes.positionMaps.push_back(loops.map(indices, writes.updates));
    writes.areUnsigned.push_back(isUnsigned(op.getIndices().getType()));
    rewriter.replaceOp(op, writeAt(rewriter, op.getLoc(), loops, writes, op.getData(),
                                   adaptor.getData(), op.getUpdates(), adaptor.getUpdates(),
                                   adaptor.getIndices()));
    return success();
  }
};

} // namespace

void mlir::torsh::populateIndexingPatterns(const TypeConverter &types,
                                           RewritePatternSet &patterns) {
  patterns.add<LowerGather, LowerTakeAlongAxis, LowerScatter, LowerPutAlongAxis>(
      types, patterns.getContext());
}
