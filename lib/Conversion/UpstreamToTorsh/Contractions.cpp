// SPDX-License-Identifier: Apache-2.0
// Sums of products as matrix products and convolutions.

#include "Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

std::optional<ProductBody> mlir::torsh::matchProduct(const Structured &s) {
  if (s.numInits() != 1)
    return std::nullopt;
  std::optional<Combiner> sum = s.combiner(0);
  if (!sum || !isa<arith::AddFOp, arith::AddIOp>(sum->op) ||
      sum->op->getResult(0).getType().isInteger(1))
    return std::nullopt;
  Operation *product = sum->element.getDefiningOp();
  if (!isa_and_present<arith::MulFOp, arith::MulIOp>(product) || product->getBlock() != &s.body)
    return std::nullopt;
  ProductBody result{*sum, {}, {}};
  for (int side = 0; side < 2; ++side) {
    Value value = result.factor[side] = product->getOperand(side);
    while (Operation *op = value.getDefiningOp()) {
      if (op->getBlock() != &s.body || op->getNumOperands() != 1 || !s.im.rules.find(op))
        return std::nullopt;
      value = op->getOperand(0);
    }
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument || argument.getOwner() != &s.body || argument.getArgNumber() >= s.numInputs)
      return std::nullopt;
    result.input[side] = argument.getArgNumber();
  }
  return result;
}

Value mlir::torsh::importFactor(Structured &s, const ProductBody &product, int side) {
  SmallVector<Operation *> chain;
  Value value = product.factor[side];
  for (; Operation *op = value.getDefiningOp(); value = op->getOperand(0))
    chain.push_back(op);
  if (failed(s.im.set(value, s.operands[product.input[side]])))
    return {};
  for (Operation *op : llvm::reverse(chain))
    if (failed(s.im.importOp(op)))
      return {};
  s.t.setLoc(s.op.getLoc());
  return s.im.get(product.factor[side]);
}

namespace {

/// Loops in one order, some of which become one axis.
struct Layout {
  SmallVector<SmallVector<int64_t>> groups;

  SmallVector<int64_t> order() const {
    SmallVector<int64_t> all;
    for (ArrayRef<int64_t> group : groups)
      llvm::append_range(all, group);
    return all;
  }
  Extents extents(Structured &s) const {
    Extents shape;
    for (int64_t loop : order())
      shape.push_back(s.loops[loop]);
    return shape;
  }
  Extents merged(Structured &s) const {
    Extents shape;
    for (ArrayRef<int64_t> group : groups) {
      Extents factors;
      for (int64_t loop : group)
        factors.push_back(s.loops[loop]);
      shape.push_back(s.t.product(factors));
    }
    return shape;
  }
};

SmallVector<SmallVector<int64_t>> oneByOne(ArrayRef<int64_t> loops) {
  SmallVector<SmallVector<int64_t>> groups;
  for (int64_t loop : loops)
    groups.push_back({loop});
  return groups;
}

/// Axes of `x`, which are `own`, in the order of the layout, its groups merged.
Value arrange(Structured &s, Value x, ArrayRef<int64_t> own, const Layout &layout) {
  SmallVector<int64_t> permutation;
  for (int64_t loop : layout.order())
    permutation.push_back(llvm::find(own, loop) - own.begin());
  x = s.t.permute(x, permutation);
  bool keepsAxes =
      llvm::all_of(layout.groups, [](ArrayRef<int64_t> group) { return group.size() == 1; });
  return x && !keepsAxes ? s.t.reshape(x, layout.merged(s)) : x;
}

/// The reverse: a value of the layout with the axes `wanted`.
Value restore(Structured &s, Value x, const Layout &layout, ArrayRef<int64_t> wanted) {
  bool keepsAxes =
      llvm::all_of(layout.groups, [](ArrayRef<int64_t> group) { return group.size() == 1; });
  if (x && !keepsAxes)
    x = s.t.reshape(x, layout.extents(s));
  SmallVector<int64_t> order = layout.order(), permutation;
  for (int64_t loop : wanted)
    permutation.push_back(llvm::find(order, loop) - order.begin());
  return x ? s.t.permute(x, permutation) : Value();
}

} // namespace

std::optional<LogicalResult> mlir::torsh::importMatrixProduct(Structured &s) {
  std::optional<ProductBody> product = matchProduct(s);
  if (!product)
    return std::nullopt;
  std::optional<SmallVector<int64_t>> lhs = Structured::loopsOf(s.maps[product->input[0]]),
                                      rhs = Structured::loopsOf(s.maps[product->input[1]]),
                                      out = Structured::loopsOf(s.initMap(0));
  if (!lhs || !rhs || !out)
    return std::nullopt;
  SmallVector<int64_t> batch, rows, columns, depth;
  for (int64_t loop = 0; loop < static_cast<int64_t>(s.loops.size()); ++loop) {
    bool left = llvm::is_contained(*lhs, loop), right = llvm::is_contained(*rhs, loop);
    if (s.isReduction(loop)) {
      if (!left || !right)
        return std::nullopt;
      depth.push_back(loop);
      continue;
    }
    if (!llvm::is_contained(*out, loop) || (!left && !right))
      return std::nullopt;
    (left && right ? batch : left ? rows : columns).push_back(loop);
  }
  // Without rows and columns there is nothing to share: a product and a sum.
  if (rows.empty() && columns.empty())
    return std::nullopt;
  Layout left{oneByOne(batch)}, right{oneByOne(batch)}, result{oneByOne(batch)};
  left.groups.append({rows, depth});
  right.groups.append({depth, columns});
  result.groups.append({rows, columns});
  Value x = importFactor(s, *product, 0);
  Value a = x ? arrange(s, x, *lhs, left) : Value();
  Value y = importFactor(s, *product, 1);
  Value b = y ? arrange(s, y, *rhs, right) : Value();
  Value c = s.t.op("matmul", {a, b});
  return s.finish(0, product->sum, restore(s, c, result, *out));
}

std::optional<LogicalResult> mlir::torsh::importConvolution(Structured &s) {
  std::optional<ProductBody> product = matchProduct(s);
  if (!product)
    return std::nullopt;
  int weightSide = Structured::loopsOf(s.maps[product->input[0]]) ? 0 : 1;
  AffineMap inputMap = s.maps[product->input[1 - weightSide]];
  std::optional<SmallVector<int64_t>> weight =
                                          Structured::loopsOf(s.maps[product->input[weightSide]]),
                                      out = Structured::loopsOf(s.initMap(0));
  if (!weight || !out)
    return std::nullopt;
  unsigned numLoops = s.loops.size();
  // Axes of the input: a loop, or a place in the result with a place in the window.
  SmallVector<int64_t> inputAxes, spatial, window, stride, dilation;
  for (AffineExpr expr : inputMap.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      if (llvm::is_contained(inputAxes, dim.getPosition()))
        return std::nullopt;
      inputAxes.push_back(dim.getPosition());
      continue;
    }
    std::optional<SmallVector<int64_t>> form = Structured::linearForm(expr, numLoops);
    int64_t place = -1, tap = -1;
    for (unsigned loop = 0; form && loop < numLoops; ++loop) {
      if ((*form)[loop] < 0)
        return std::nullopt;
      if ((*form)[loop])
        (s.isReduction(loop) ? tap : place) = loop;
    }
    if (!form || form->back() || place < 0 || tap < 0 ||
        llvm::count_if(
            ArrayRef(*form).drop_back(), [](int64_t c) { return c != 0; }) != 2 ||
        !llvm::is_contained(*weight, tap) || !getConstantIntValue(s.loops[tap]) ||
        llvm::is_contained(spatial, place) || llvm::is_contained(window, tap))
      return std::nullopt;
    inputAxes.push_back(place);
    spatial.push_back(place);
    window.push_back(tap);
    stride.push_back((*form)[place]);
    dilation.push_back((*form)[tap]);
  }
  if (spatial.empty() || spatial.size() > 3)
    return std::nullopt;
  SmallVector<int64_t> batch, groups, channels, filters;
  for (int64_t loop = 0; loop < static_cast<int64_t>(numLoops); ++loop) {
    if (llvm::is_contained(spatial, loop) || llvm::is_contained(window, loop))
      continue;
    bool inInput = llvm::is_contained(inputAxes, loop),
         inWeight = llvm::is_contained(*weight, loop);
    bool inResult = llvm::is_contained(*out, loop);
    SmallVector<int64_t> *role = inInput && inWeight && inResult ? &groups
                                 : inInput && inWeight           ? &channels
                                 : inInput && inResult           ? &batch
                                 : inWeight && inResult          ? &filters
                                                                 : nullptr;
    if (!role || s.isReduction(loop) != (role == &channels))
      return std::nullopt;
    role->push_back(loop);
  }
  for (int64_t place : spatial)
    if (llvm::is_contained(*weight, place) || !llvm::is_contained(*out, place))
      return std::nullopt;
  Layout groupLayout{{groups}};
  std::optional<int64_t> numGroups = getConstantIntValue(groupLayout.merged(s)[0]);
  if (!numGroups || *numGroups < 1)
    return std::nullopt;

  TensorBuilder &t = s.t;
  Value input = importFactor(s, *product, 1 - weightSide);
  // The input reaches as far as the last window, and may reach further.
  for (size_t i = 0; i < spatial.size() && input; ++i) {
    int64_t axis = llvm::find(inputAxes, spatial[i]) - inputAxes.begin();
    std::optional<int64_t> places = getConstantIntValue(s.loops[spatial[i]]);
    int64_t taps = *getConstantIntValue(s.loops[window[i]]);
    if (places && (*places < 1 || taps < 1))
      return std::nullopt;
    if (places && !t.typeOf(input).isDynamicDim(axis))
      input = t.slice(input, axis, 0, (*places - 1) * stride[i] + (taps - 1) * dilation[i] + 1);
  }
  if (!input)
    return failure();
  SmallVector<int64_t> order = batch;
  for (ArrayRef<int64_t> role :
       {ArrayRef<int64_t>(groups), ArrayRef<int64_t>(channels), ArrayRef<int64_t>(spatial)})
    llvm::append_range(order, role);
  SmallVector<int64_t> permutation;
  for (int64_t loop : order)
    permutation.push_back(llvm::find(inputAxes, loop) - inputAxes.begin());
  input = t.permute(input, permutation);
  Extents own = t.extents(input);
  size_t outer = batch.size(), inner = outer + groups.size() + channels.size();
  Extents shape{t.product(ArrayRef(own).take_front(outer)),
                t.product(ArrayRef(own).slice(outer, inner - outer))};
  llvm::append_range(shape, ArrayRef(own).drop_front(inner));
  input = t.reshape(input, shape);

  Layout weightLayout{{groups, filters, channels}};
  llvm::append_range(weightLayout.groups, oneByOne(window));
  Value kernel = importFactor(s, *product, weightSide);
  if (!kernel)
    return failure();
  kernel = arrange(s, kernel, *weight, weightLayout);
  Extents taps = t.extents(kernel);
  Extents joined{t.product({taps[0], taps[1]})};
  llvm::append_range(joined, ArrayRef(taps).drop_front(2));
  kernel = t.reshape(kernel, joined);

  SmallVector<int64_t> none(spatial.size(), 0);
  Value result =
      t.op("conv", {input, kernel},
           {t.integers("stride", stride), t.integers("padding_low", none),
            t.integers("padding_high", none), t.integers("dilation", dilation),
            t.builder().getNamedAttr("groups", t.builder().getI64IntegerAttr(*numGroups))});
  SmallVector<int64_t> made = batch;
  for (ArrayRef<int64_t> role :
       {ArrayRef<int64_t>(groups), ArrayRef<int64_t>(filters), ArrayRef<int64_t>(spatial)})
    llvm::append_range(made, role);
  // Axes that are one loop each, though batch and features were merged.
  Layout resultLayout{oneByOne(made)};
  if (batch.size() != 1 || groups.size() + filters.size() != 1)
    result = result ? t.reshape(result, resultLayout.extents(s)) : Value();
  return s.finish(0, product->sum, restore(s, result, resultLayout, *out));
}
