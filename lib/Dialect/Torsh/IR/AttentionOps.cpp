// SPDX-License-Identifier: Apache-2.0
// Attention: its type rule, and its meaning in simpler operations.

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "torshjit/Dialect/Torsh/IR/TorshBuilders.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

static bool agree(int64_t lhs, int64_t rhs) {
  return lhs == rhs || ShapedType::isDynamic(lhs) || ShapedType::isDynamic(rhs);
}

/// The axes given, or all in order.
static SmallVector<int64_t> axesOr(std::optional<ArrayRef<int64_t>> axes, int64_t rank) {
  if (axes)
    return SmallVector<int64_t>(*axes);
  return llvm::to_vector(llvm::seq<int64_t>(rank));
}

static SmallVector<int64_t> permuted(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes) {
  return llvm::map_to_vector(axes, [&](int64_t axis) { return shape[axis]; });
}

static bool isPermutation(ArrayRef<int64_t> axes, int64_t rank) {
  return static_cast<int64_t>(axes.size()) == rank && isPermutationVector(axes);
}

/// How many heads of the query share one: 1 unless the extents say otherwise.
static int64_t groupSize(int64_t query, int64_t key) {
  if (ShapedType::isDynamic(query) || ShapedType::isDynamic(key) || key <= 1 || query % key != 0)
    return 1;
  return query / key;
}

//===----------------------------------------------------------------------===//
// Axes
//===----------------------------------------------------------------------===//

SmallVector<int64_t> AttentionOp::getAxesOfQuery() {
  return axesOr(getQueryAxes(), tensorType(getQuery()).getRank());
}
SmallVector<int64_t> AttentionOp::getAxesOfKey() {
  return axesOr(getKeyAxes(), tensorType(getKey()).getRank());
}
SmallVector<int64_t> AttentionOp::getAxesOfValue() {
  return axesOr(getValueAxes(), tensorType(getValue()).getRank());
}
SmallVector<int64_t> AttentionOp::getAxesOfResult() {
  return axesOr(getResultAxes(), tensorType(getQuery()).getRank());
}

double AttentionOp::getHiddenScore() {
  return getMaskedScore() ? getMaskedScore()->convertToDouble()
                          : -std::numeric_limits<double>::infinity();
}

int64_t AttentionOp::getGroupSize() {
  int64_t rank = tensorType(getQuery()).getRank();
  if (rank < 3)
    return 1;
  return groupSize(tensorType(getQuery()).getDimSize(getAxesOfQuery()[rank - 3]),
                   tensorType(getKey()).getDimSize(getAxesOfKey()[rank - 3]));
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            Adaptor adaptor, SmallVectorImpl<Type> &types) {
  auto fail = [&](const Twine &message) {
    return emitOptionalError(loc, getOperationName(), ": ", message);
  };
  auto query = tensorType(adaptor.getQuery()), key = tensorType(adaptor.getKey()),
       value = tensorType(adaptor.getValue());
  Type element = query.getElementType();
  int64_t rank = query.getRank();
  if (key.getElementType() != element || value.getElementType() != element)
    return fail("query, key and value must have one element type");
  if (rank < 2 || key.getRank() != rank || value.getRank() != rank)
    return fail("query, key and value must have one rank of 2 or more, got " + Twine(rank) + ", " +
                Twine(key.getRank()) + " and " + Twine(value.getRank()));
  SmallVector<int64_t> queryAxes = axesOr(adaptor.getQueryAxes(), rank),
                       keyAxes = axesOr(adaptor.getKeyAxes(), rank),
                       valueAxes = axesOr(adaptor.getValueAxes(), rank),
                       resultAxes = axesOr(adaptor.getResultAxes(), rank);
  for (ArrayRef<int64_t> axes : {ArrayRef<int64_t>(queryAxes), ArrayRef<int64_t>(keyAxes),
                                 ArrayRef<int64_t>(valueAxes), ArrayRef<int64_t>(resultAxes)})
    if (!isPermutation(axes, rank))
      return fail("axes must be a permutation of " + Twine(rank) + " axes");
  SmallVector<int64_t> q = permuted(query.getShape(), queryAxes),
                       k = permuted(key.getShape(), keyAxes),
                       v = permuted(value.getShape(), valueAxes);
  if (!agree(q[rank - 1], k[rank - 1]))
    return fail("query has " + Twine(q[rank - 1]) + " features and key " + Twine(k[rank - 1]));
  if (!agree(k[rank - 2], v[rank - 2]))
    return fail("there are " + Twine(k[rank - 2]) + " keys and " + Twine(v[rank - 2]) + " values");
  for (int64_t axis = 0; axis < rank - 2; ++axis) {
    bool isHead = axis == rank - 3;
    for (int64_t extent : {k[axis], v[axis]})
      if (extent != 1 && !agree(extent, q[axis]) &&
          !(isHead && groupSize(q[axis], extent) > 1 && k[axis] == v[axis]))
        return fail("leading extent " + Twine(extent) +
                    " of key or value does not fit the query's " + Twine(q[axis]));
  }
  if (Value mask = adaptor.getMask()) {
    RankedTensorType type = tensorType(mask);
    Type own = type.getElementType();
    bool isWide = own.isF32() && isa<Float16Type, BFloat16Type>(element);
    if (!own.isInteger(1) && own != element && !isWide)
      return emitOptionalError(loc, getOperationName(), ": mask must be of bools, or have the ",
                               "element type of the query or f32, got ", type);
    SmallVector<int64_t> scores(q);
    scores[rank - 1] = k[rank - 2];
    if (type.getRank() > rank)
      return fail("mask has more axes than the scores");
    for (auto [extent, score] :
         llvm::zip_equal(type.getShape(), ArrayRef<int64_t>(scores).take_back(type.getRank())))
      if (extent != 1 && !agree(extent, score))
        return fail("mask does not broadcast to the scores: " + Twine(extent) + " against " +
                    Twine(score));
  }
  SmallVector<int64_t> result(q);
  result[rank - 1] = v[rank - 1];
  types.push_back(RankedTensorType::get(permuted(result, resultAxes), element));
  return success();
}

LogicalResult AttentionOp::reifyResultShapes(OpBuilder &builder,
                                             ReifiedRankedShapedTypeDims &shapes) {
  int64_t rank = tensorType(getQuery()).getRank();
  SmallVector<int64_t> queryAxes = getAxesOfQuery();
  SmallVector<OpFoldResult> extents;
  for (int64_t axis : getAxesOfResult())
    extents.push_back(axis == rank - 1
                          ? getExtent(builder, getLoc(), getValue(), getAxesOfValue()[axis])
                          : getExtent(builder, getLoc(), getQuery(), queryAxes[axis]));
  shapes.push_back(std::move(extents));
  return success();
}

void AttentionOp::getExtentConstraints(SmallVectorImpl<ExtentConstraint> &constraints) {
  int64_t rank = tensorType(getQuery()).getRank();
  SmallVector<int64_t> axes[3] = {getAxesOfQuery(), getAxesOfKey(), getAxesOfValue()};
  using Place = std::pair<int64_t, int64_t>; // operand and axis
  // The first `?` is compared with every other one, and with a static extent.
  auto constrain = [&](ArrayRef<Place> places) {
    std::optional<Place> first;
    int64_t fixed = ShapedType::kDynamic;
    for (auto [operand, axis] : places) {
      int64_t extent = tensorType(getOperand(operand)).getDimSize(axis);
      if (!ShapedType::isDynamic(extent))
        fixed = extent;
      else if (first)
        constraints.push_back({first->first, first->second, operand, axis});
      else
        first = {operand, axis};
    }
    if (first && !ShapedType::isDynamic(fixed))
      constraints.push_back({first->first, first->second, -1, fixed});
  };
  auto addBroadcast = [&](SmallVectorImpl<Place> &places, int64_t operand, int64_t axis) {
    if (tensorType(getOperand(operand)).getDimSize(axis) != 1)
      places.push_back({operand, axis});
  };
  // The mask's axis, counted from the first one of the scores.
  auto addMask = [&](SmallVectorImpl<Place> &places, int64_t axis) {
    if (!getMask())
      return;
    int64_t own = axis - (rank - tensorType(getMask()).getRank());
    if (own >= 0)
      addBroadcast(places, 3, own);
  };
  for (int64_t axis = 0; axis < rank - 2; ++axis) {
    SmallVector<Place> places{{0, axes[0][axis]}};
    if (axis != rank - 3 || getGroupSize() == 1) {
      addBroadcast(places, 1, axes[1][axis]);
      addBroadcast(places, 2, axes[2][axis]);
    }
    addMask(places, axis);
    constrain(places);
  }
  SmallVector<Place> queries{{0, axes[0][rank - 2]}};
  addMask(queries, rank - 2);
  constrain(queries);
  SmallVector<Place> keys{{1, axes[1][rank - 2]}, {2, axes[2][rank - 2]}};
  addMask(keys, rank - 1);
  constrain(keys);
  constrain({{0, axes[0][rank - 1]}, {1, axes[1][rank - 1]}});
}

bool AttentionOp::canStayWhole() {
  // Blocks of features are registers, so that their number has to be known.
  constexpr int64_t kMostFeatures = 512;
  for (int64_t extent : {tensorType(getQuery()).getDimSize(getAxesOfQuery().back()),
                         tensorType(getKey()).getDimSize(getAxesOfKey().back()),
                         tensorType(getValue()).getDimSize(getAxesOfValue().back())})
    if (ShapedType::isDynamic(extent) || extent == 0 || extent > kMostFeatures)
      return false;
  return true;
}

//===----------------------------------------------------------------------===//
// Meaning
//===----------------------------------------------------------------------===//

namespace {

/// Builds what attention is made of.
class Decomposition {
public:
  Decomposition(OpBuilder &builder, AttentionOp op)
      : b(builder), loc(op.getLoc()), f(builder, loc), op(op),
        rank(tensorType(op.getQuery()).getRank()) {}

  Value build() {
    Value query = f.widen(permute(op.getQuery(), op.getAxesOfQuery()));
    Value key = f.widen(repeat(permute(op.getKey(), op.getAxesOfKey())));
    Value value = f.widen(repeat(permute(op.getValue(), op.getAxesOfValue())));
    Value weights = softmax(scores(query, key));
    Value result = MatmulOp::create(b, loc, weights, value, TypeAttr());
    result = f.cast(result, tensorType(op.getResult()).getElementType());
    return permute(result, op.getAxesOfResult());
  }

private:
  Value permute(Value x, ArrayRef<int64_t> axes) {
    if (llvm::equal(axes, llvm::seq<int64_t>(axes.size())))
      return x;
    return PermuteOp::create(b, loc, x, axes);
  }

  /// Each head as often as heads of the query share it.
  Value repeat(Value x) {
    int64_t group = op.getGroupSize();
    if (group == 1)
      return x;
    SmallVector<int64_t> heads;
    for (int64_t head = 0; head < tensorType(x).getDimSize(rank - 3) * group; ++head)
      heads.push_back(head / group);
    auto type = RankedTensorType::get({static_cast<int64_t>(heads.size())}, b.getI64Type());
    Value positions =
        ConstantOp::create(b, loc, DenseElementsAttr::get(type, ArrayRef<int64_t>(heads)));
    return GatherOp::create(b, loc, x, ValueRange{positions}, ArrayRef<int64_t>{rank - 3});
  }

  /// Positions along an axis of the scores, against which they are compared.
  Value positions(Value x, int64_t axis, bool isColumn) {
    SmallVector<int64_t> shape{1, 1};
    shape[isColumn] = tensorType(x).getDimSize(axis);
    SmallVector<Value> sizes;
    if (ShapedType::isDynamic(shape[isColumn]))
      sizes.push_back(getValueOrCreateConstantIndexOp(b, loc, getExtent(b, loc, x, axis)));
    auto type = RankedTensorType::get(shape, b.getI32Type());
    return IotaOp::create(b, loc, type, sizes, static_cast<int64_t>(isColumn));
  }

  Value scores(Value query, Value key) {
    SmallVector<int64_t> swapped = llvm::to_vector(llvm::seq<int64_t>(rank));
    std::swap(swapped[rank - 1], swapped[rank - 2]);
    Value scores = MatmulOp::create(b, loc, query, permute(key, swapped), TypeAttr());
    scores = f.mul(scores, f.scalarLike(scores, op.getScale().convertToDouble()));
    Value hidden = f.scalarLike(scores, op.getHiddenScore());
    if (Value mask = op.getMask()) {
      if (tensorType(mask).getElementType().isInteger(1))
        scores = SelectOp::create(b, loc, mask, scores, hidden);
      else
        scores = f.add(scores, f.cast(mask, tensorType(scores).getElementType()));
    }
    if (op.getCausal()) {
      Value isSeen =
          CompareOp::create(b, loc, ComparePredicate::ge, positions(query, rank - 2, false),
                            positions(key, rank - 2, true));
      scores = SelectOp::create(b, loc, isSeen, scores, hidden);
    }
    return scores;
  }

  Value softmax(Value scores) {
    int64_t axis = rank - 1;
    if (tensorType(scores).getDimSize(axis) == 0)
      return scores;
    Value largest = f.amax(scores, axis, /*keepdims=*/true);
    // Where there are no keys, there are no weights, and nobody reads it.
    largest.getDefiningOp()->setAttr(kMayBeEmptyAttrName, b.getUnitAttr());
    Value e = f.exp(f.sub(scores, largest));
    Value weights = f.div(e, f.sum(e, axis, /*keepdims=*/true));
    if (!op.getZeroMaskedRows())
      return weights;
    Value lowest = f.scalarLike(scores, -std::numeric_limits<double>::infinity());
    Value isSeen = CompareOp::create(b, loc, ComparePredicate::ne, largest, lowest);
    return SelectOp::create(b, loc, isSeen, weights, f.scalarLike(weights, 0.0));
  }

  OpBuilder &b;
  Location loc;
  GraphBuilder f;
  AttentionOp op;
  int64_t rank;
};

} // namespace

FailureOr<SmallVector<Value>> AttentionOp::decompose(OpBuilder &builder) {
  return SmallVector<Value>{Decomposition(builder, *this).build()};
}

//===----------------------------------------------------------------------===//
// The form in kernels
//===----------------------------------------------------------------------===//

void StreamedAttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  for (OpOperand &operand : (*this)->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}
