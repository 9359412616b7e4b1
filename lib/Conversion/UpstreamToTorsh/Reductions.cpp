// SPDX-License-Identifier: Apache-2.0
// Structured operations that combine elements: reductions, pools, and what is unrolled.

#include "Structured.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// The reduction of torsh that repeats a combination; empty if there is none.
StringRef reductionOf(Operation *op) {
  bool isBool = op->getResult(0).getType().isInteger(1);
  if (isBool)
    return isa<arith::AndIOp, arith::MinUIOp, arith::MaxSIOp, arith::MulIOp>(op) ? "all"
           : isa<arith::OrIOp, arith::MaxUIOp, arith::MinSIOp>(op)               ? "any"
                                                                                 : "";
  return isa<arith::AddFOp, arith::AddIOp>(op)                          ? "sum"
         : isa<arith::MulFOp, arith::MulIOp>(op)                        ? "prod"
         : isa<arith::MaximumFOp, arith::MaxSIOp, arith::MaxNumFOp>(op) ? "amax"
         : isa<arith::MinimumFOp, arith::MinSIOp, arith::MinNumFOp>(op) ? "amin"
         : isa<arith::MaxUIOp>(op)                                      ? "amax"
         : isa<arith::MinUIOp>(op)                                      ? "amin"
                                                                        : "";
}

Value bitcast(TensorBuilder &t, Value x, Type element) {
  return t.op("bitcast", {x}, t.builder().getNamedAttr("dtype", TypeAttr::get(element)));
}

/// Reduces by the combination of `op`, which may look at operands as unsigned, or past NaN.
Value reduceBy(TensorBuilder &t, Operation *op, Value x, ArrayRef<int64_t> axes) {
  StringRef name = reductionOf(op);
  if (!x)
    return {};
  Type element = t.elementOf(x);
  if (isa<arith::MaxUIOp, arith::MinUIOp>(op) && !element.isInteger(1)) {
    Type type = IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth(),
                                 IntegerType::Unsigned);
    return bitcast(t, t.reduce(name, bitcast(t, x, type), axes), element);
  }
  if (isa<arith::MaxNumFOp, arith::MinNumFOp>(op)) {
    Value isNaN = t.isNaN(x);
    Value least = t.like(x, isa<arith::MaxNumFOp>(op) ? -INFINITY : INFINITY);
    Value result = t.reduce(name, t.select(isNaN, least, x), axes);
    // Where there is nothing but NaN, the result is that.
    return t.select(t.reduce("all", isNaN, axes), t.like(x, NAN), result);
  }
  return t.reduce(name, x, axes);
}

} // namespace

std::optional<LogicalResult> mlir::torsh::importReduction(Structured &s) {
  SmallVector<Combiner> combiners;
  SmallVector<Operation *> last;
  for (size_t number = 0; number < s.numInits(); ++number) {
    std::optional<Combiner> combiner = s.combiner(number);
    if (!combiner || reductionOf(combiner->op).empty() || !Structured::loopsOf(s.initMap(number)))
      return std::nullopt;
    combiners.push_back(*combiner);
    last.push_back(combiner->op);
  }
  // Windows that overlap are better taken apart, where they are small.
  for (AffineMap map : ArrayRef(s.maps).take_front(s.numInputs))
    for (AffineExpr expr : map.getResults()) {
      std::optional<SmallVector<int64_t>> form = Structured::linearForm(expr, s.loops.size());
      if (form && llvm::count_if(ArrayRef(*form).drop_back(), [](int64_t c) { return c != 0; }) > 1)
        if (std::optional<LogicalResult> done = importUnrolled(s))
          return done;
    }
  SmallVector<Value> aligned;
  for (auto [number, x] : llvm::enumerate(s.operands)) {
    BlockArgument own = s.argument(number);
    bool isUsed = own && !own.use_empty() && number < s.numInputs;
    aligned.push_back(isUsed ? s.align(x, s.maps[number]) : x);
  }
  if (failed(s.importBody(aligned, last)))
    return failure();
  bool isEmpty =
      llvm::any_of(s.reduction, [&](int64_t loop) { return isConstantIntValue(s.loops[loop], 0); });
  for (auto [number, combiner] : llvm::enumerate(combiners)) {
    if (isEmpty) {
      if (failed(s.im.set(s.op->getResult(number), s.init(number))))
        return failure();
      continue;
    }
    Value element = s.im.tensorOf(s.im.get(combiner.element));
    if (!element)
      return failure();
    // Repeated along the loops that it does not depend on, but that count.
    Extents shape(s.loops.size(), s.t.index(1)), own = s.t.extents(element);
    for (size_t axis = 0; axis < own.size(); ++axis)
      shape[shape.size() - own.size() + axis] = own[axis];
    for (int64_t loop : s.reduction)
      shape[loop] = s.loops[loop];
    Value reduced = reduceBy(s.t, combiner.op, s.repeat(element, shape), s.reduction);
    if (failed(s.finish(number, combiner, s.toResult(reduced, s.parallel, s.initMap(number)))))
      return failure();
  }
  return success();
}

std::optional<LogicalResult> mlir::torsh::importPool(Structured &s) {
  if (s.numInits() != 1)
    return std::nullopt;
  std::optional<Combiner> combiner = s.combiner(0);
  std::optional<SmallVector<int64_t>> out = Structured::loopsOf(s.initMap(0));
  if (!combiner || !out || !isa<arith::MaximumFOp, arith::MaxSIOp>(combiner->op) ||
      combiner->op->getResult(0).getType().isInteger(1))
    return std::nullopt;
  auto argument = dyn_cast<BlockArgument>(combiner->element);
  if (!argument || argument.getOwner() != &s.body || argument.getArgNumber() >= s.numInputs)
    return std::nullopt;
  TensorBuilder &t = s.t;
  Value input = s.operands[argument.getArgNumber()];
  SmallVector<int64_t> outer, spatial, window, stride, dilation, outerAxes, spatialAxes;
  for (auto [axis, expr] : llvm::enumerate(s.maps[argument.getArgNumber()].getResults())) {
    std::optional<SmallVector<int64_t>> form = Structured::linearForm(expr, s.loops.size());
    if (!form || form->back())
      return std::nullopt;
    int64_t place = -1, tap = -1, count = 0;
    for (size_t loop = 0; loop < s.loops.size(); ++loop)
      if ((*form)[loop]) {
        (s.isReduction(loop) ? tap : place) = loop;
        ++count;
      }
    if (place < 0 || count > 2 || (count == 2 && tap < 0))
      return std::nullopt;
    if (count == 1) {
      if ((*form)[place] != 1)
        return std::nullopt;
      outer.push_back(place);
      outerAxes.push_back(axis);
      continue;
    }
    std::optional<int64_t> taps = getConstantIntValue(s.loops[tap]);
    std::optional<int64_t> places = getConstantIntValue(s.loops[place]);
    if (!taps || *taps < 1 || (*form)[place] < 1 || (*form)[tap] < 1 || (places && *places < 1) ||
        llvm::is_contained(spatial, place))
      return std::nullopt;
    if (places && !t.typeOf(input).isDynamicDim(axis))
      input =
          t.slice(input, axis, 0, (*places - 1) * (*form)[place] + (*taps - 1) * (*form)[tap] + 1);
    if (!input)
      return failure();
    spatial.push_back(place);
    spatialAxes.push_back(axis);
    window.push_back(*taps);
    stride.push_back((*form)[place]);
    dilation.push_back((*form)[tap]);
  }
  if (spatial.empty() || spatial.size() > 3 || s.reduction.size() != spatial.size())
    return std::nullopt;
  SmallVector<int64_t> permutation = outerAxes;
  llvm::append_range(permutation, spatialAxes);
  input = t.permute(input, permutation);
  Extents own = t.extents(input);
  Extents shape{t.index(1), t.product(ArrayRef(own).take_front(outer.size()))};
  llvm::append_range(shape, ArrayRef(own).drop_front(outer.size()));
  SmallVector<int64_t> none(spatial.size(), 0), made = outer;
  llvm::append_range(made, spatial);
  Value pooled = t.op("max_pool", {t.reshape(input, shape)},
                      {t.integers("window", window), t.integers("stride", stride),
                       t.integers("padding_low", none), t.integers("padding_high", none),
                       t.integers("dilation", dilation)});
  Extents apart;
  for (int64_t loop : made)
    apart.push_back(s.loops[loop]);
  pooled = t.reshape(pooled, apart);
  permutation.clear();
  for (int64_t loop : *out) {
    if (!llvm::is_contained(made, loop))
      return std::nullopt;
    permutation.push_back(llvm::find(made, loop) - made.begin());
  }
  return s.finish(0, *combiner, pooled ? t.permute(pooled, permutation) : Value());
}

std::optional<LogicalResult> mlir::torsh::importUnrolled(Structured &s) {
  int64_t points = 1;
  SmallVector<int64_t> extents;
  for (int64_t loop : s.reduction) {
    std::optional<int64_t> extent = getConstantIntValue(s.loops[loop]);
    if (!extent || llvm::MulOverflow(points, *extent, points) || points > kMostIterations)
      return std::nullopt;
    extents.push_back(*extent);
  }
  // Where windows overlap, each place in them is a slice of known extent.
  for (size_t number = 0; number < s.numInputs; ++number)
    for (auto [axis, expr] : llvm::enumerate(s.maps[number].getResults()))
      for (size_t loop = 0; loop < s.loops.size(); ++loop)
        if (!isa<AffineDimExpr>(expr) && expr.isFunctionOfDim(loop) &&
            (!getConstantIntValue(s.loops[loop]) ||
             s.t.typeOf(s.operands[number]).isDynamicDim(axis)))
          return std::nullopt;
  MLIRContext *context = s.op.getContext();
  SmallVector<Value> soFar;
  for (size_t number = 0; number < s.numInits(); ++number)
    soFar.push_back(s.align(s.init(number), s.initMap(number)));
  SmallVector<Value> around;
  if (s.op.hasIndexSemantics())
    around = s.places();
  for (int64_t point = 0; point < points; ++point) {
    // The last loop runs fastest.
    SmallVector<Value> places = around;
    SmallVector<AffineExpr> known;
    for (size_t loop = 0; loop < s.loops.size(); ++loop)
      known.push_back(getAffineDimExpr(loop, context));
    int64_t rest = point;
    for (size_t i = extents.size(); i-- > 0; rest /= extents[i]) {
      int64_t place = rest % extents[i];
      known[s.reduction[i]] = getAffineConstantExpr(place, context);
      if (!places.empty())
        places[s.reduction[i]] = s.t.scalar(s.t.builder().getI64Type(), static_cast<double>(place));
    }
    SmallVector<Value> aligned;
    for (size_t number = 0; number < s.numInputs; ++number) {
      BlockArgument own = s.argument(number);
      AffineMap map = s.maps[number].replaceDimsAndSymbols(known, {}, s.loops.size(), 0);
      aligned.push_back(own && !own.use_empty() ? s.align(s.operands[number], map)
                                                : s.operands[number]);
    }
    llvm::append_range(aligned, soFar);
    if (failed(s.importBody(aligned, {}, places)))
      return failure();
    for (size_t number = 0; number < s.numInits(); ++number)
      soFar[number] = s.im.tensorOf(s.im.get(s.yielded(number)));
  }
  for (size_t number = 0; number < s.numInits(); ++number) {
    // The loops that were unrolled are axes of extent 1.
    Extents shape;
    for (size_t loop = 0; loop < s.loops.size(); ++loop)
      if (!s.isReduction(loop))
        shape.push_back(s.loops[loop]);
    Extents wide(s.loops.size(), s.t.index(1));
    for (int64_t loop : s.parallel)
      wide[loop] = s.loops[loop];
    Value result = s.t.reshape(s.repeat(soFar[number], wide), shape);
    result = s.toResult(result, s.parallel, s.initMap(number));
    if (!result)
      return s.im.refuse(s.op, "the map of result " + Twine(number) + " is not covered");
    if (failed(s.im.set(s.op->getResult(number), result)))
      return failure();
  }
  return success();
}
