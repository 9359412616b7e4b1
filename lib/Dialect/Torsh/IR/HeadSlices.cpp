// SPDX-License-Identifier: Apache-2.0
// Parts of a last axis that is divided into heads.

#include "torshjit/Dialect/Torsh/IR/HeadSlices.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

/// The axes that are not statically of extent 1.
static SmallVector<int64_t> longAxes(RankedTensorType type) {
  SmallVector<int64_t> axes;
  for (auto [axis, extent] : llvm::enumerate(type.getShape()))
    if (extent != 1)
      axes.push_back(static_cast<int64_t>(axis));
  return axes;
}

std::optional<HeadDivision> torsh::matchHeads(ReshapeOp reshape) {
  auto from = cast<RankedTensorType>(reshape.getInput().getType());
  RankedTensorType to = reshape.getType();
  // An empty axis would leave a '?' undetermined.
  if (!reshape.getDynamicSizes().empty() || from.getNumDynamicDims() > 1 ||
      to.getNumDynamicDims() != from.getNumDynamicDims() || llvm::is_contained(from.getShape(), 0))
    return std::nullopt;
  int64_t last = from.getRank() - 1;
  SmallVector<int64_t> rows = longAxes(from), heads = longAxes(to);
  if (rows.empty() || rows.back() != last || from.isDynamicDim(last) || heads.empty() ||
      heads.back() != to.getRank() - 1 || to.isDynamicDim(heads.back()))
    return std::nullopt;
  HeadDivision division{to.getRank() - 2, to.getDimSize(heads.back())};
  if (heads.size() == rows.size() + 1)
    division.axis = heads[heads.size() - 2];
  else if (heads.size() != rows.size() || to.getRank() < 2 || to.getDimSize(division.axis) != 1)
    return std::nullopt; // not even one head
  for (size_t i = 0; i + 1 < rows.size(); ++i)
    if (from.getDimSize(rows[i]) != to.getDimSize(heads[i]))
      return std::nullopt;
  if (to.getDimSize(division.axis) * division.width != from.getDimSize(last))
    return std::nullopt;
  return division;
}

Value torsh::sliceAxis(OpBuilder &builder, Location loc, Value source, int64_t axis, int64_t start,
                       int64_t extent) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> starts(type.getRank(), 0), stops, strides(type.getRank(), 1);
  for (int64_t own : type.getShape())
    stops.push_back(ShapedType::isDynamic(own) ? std::numeric_limits<int64_t>::max() : own);
  starts[axis] = start;
  stops[axis] = start + extent;
  return SliceOp::create(builder, loc, source, starts, stops, strides);
}

Value torsh::reshapeToHeads(OpBuilder &builder, Location loc, Value source, ReshapeOp reshape,
                            HeadDivision division) {
  SmallVector<int64_t> shape(reshape.getType().getShape());
  shape[division.axis] =
      cast<RankedTensorType>(source.getType()).getShape().back() / division.width;
  auto type = RankedTensorType::get(shape, reshape.getType().getElementType());
  return ReshapeOp::create(builder, loc, type, source, ValueRange{});
}
