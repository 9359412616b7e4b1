// SPDX-License-Identifier: Apache-2.0
// A structured operation of linalg under import: its loops, operands, maps and body.

#include "Structured.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;

Structured::Structured(Importer &importer, linalg::LinalgOp op)
    : im(importer), t(importer.t), op(op), body(*op.getBlock()),
      numInputs(op.getDpsInputs().size()) {}

BlockArgument Structured::argument(size_t operand) const {
  // The body of linalg.map has arguments for its inputs only.
  return operand < body.getNumArguments() ? body.getArgument(operand) : BlockArgument();
}

LogicalResult Structured::prepare() {
  if (!op.hasPureTensorSemantics())
    return im.refuse(op, "it must be on tensors, not on memory");
  for (OpOperand &operand : op->getOpOperands()) {
    Value imported = im.tensorOf(im.get(operand.get()));
    if (!imported)
      return failure();
    operands.push_back(imported);
    maps.push_back(op.getMatchingIndexingMap(&operand));
  }
  for (auto [loop, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    bool isParallel = kind == utils::IteratorType::parallel;
    (isParallel ? parallel : reduction).push_back(loop);
    std::optional<OpFoldResult> extent;
    for (auto [x, map] : llvm::zip_equal(operands, maps))
      for (auto [axis, expr] : llvm::enumerate(map.getResults()))
        if (expr == getAffineDimExpr(loop, op.getContext()) &&
            (!extent || !t.typeOf(x).isDynamicDim(axis)))
          extent = t.extent(x, axis);
    if (!extent)
      return im.refuse(op, "no operand has the extent of loop " + Twine(loop));
    loops.push_back(*extent);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

std::optional<SmallVector<int64_t>> Structured::loopsOf(AffineMap map) {
  SmallVector<int64_t> result;
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || llvm::is_contained(result, dim.getPosition()))
      return std::nullopt;
    result.push_back(dim.getPosition());
  }
  return result;
}

std::optional<SmallVector<int64_t>> Structured::linearForm(AffineExpr expr, unsigned numLoops) {
  SmallVector<int64_t> form(numLoops + 1, 0);
  SmallVector<std::pair<AffineExpr, int64_t>> pending{{expr, 1}};
  while (!pending.empty()) {
    auto [part, factor] = pending.pop_back_val();
    if (auto dim = dyn_cast<AffineDimExpr>(part)) {
      form[dim.getPosition()] += factor;
    } else if (auto constant = dyn_cast<AffineConstantExpr>(part)) {
      form[numLoops] += factor * constant.getValue();
    } else if (auto binary = dyn_cast<AffineBinaryOpExpr>(part)) {
      AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
      if (part.getKind() == AffineExprKind::Add) {
        pending.push_back({lhs, factor});
        pending.push_back({rhs, factor});
        continue;
      }
      if (isa<AffineConstantExpr>(lhs))
        std::swap(lhs, rhs);
      auto scale = dyn_cast<AffineConstantExpr>(rhs);
      if (part.getKind() != AffineExprKind::Mul || !scale)
        return std::nullopt;
      pending.push_back({lhs, factor * scale.getValue()});
    } else {
      return std::nullopt;
    }
  }
  return form;
}

/// An affine expression of places, as tensors.
static Value evaluate(TensorBuilder &t, AffineExpr expr, ArrayRef<Value> places) {
  Type i64 = t.builder().getI64Type();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return places[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return t.scalar(i64, static_cast<double>(constant.getValue()));
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return {};
  Value x = evaluate(t, binary.getLHS(), places), y = evaluate(t, binary.getRHS(), places);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return t.op("add", {x, y});
  case AffineExprKind::Mul:
    return t.op("mul", {x, y});
  case AffineExprKind::Mod:
    return t.op("remainder", {x, y});
  case AffineExprKind::FloorDiv:
    return t.op("floor_divide", {x, y});
  default: // CeilDiv
    return t.op("neg", t.op("floor_divide", {t.op("neg", {x}), y}));
  }
}

SmallVector<Value> Structured::places() {
  SmallVector<Value> result;
  for (size_t loop = 0; loop < loops.size(); ++loop) {
    Extents along(loops.size(), t.index(1));
    along[loop] = loops[loop];
    result.push_back(t.iota(along, loop, t.builder().getI64Type()));
  }
  return result;
}

Value Structured::gatherOperand(Value x, AffineMap map) {
  SmallVector<Value> own = places(), indices;
  SmallVector<int64_t> axes;
  for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
    indices.push_back(evaluate(t, expr, own));
    axes.push_back(axis);
  }
  Value result = t.gather(x, indices, axes);
  if (!result || t.typeOf(result).getRank() == static_cast<int64_t>(loops.size()))
    return result;
  Extents shape(loops.size(), t.index(1));
  return t.reshape(result, shape);
}

Value Structured::align(Value x, AffineMap map) {
  int64_t numLoops = static_cast<int64_t>(loops.size());
  SmallVector<int64_t> order;
  // From the last axis on, since an axis with a constant place goes.
  for (int64_t axis = static_cast<int64_t>(map.getNumResults()) - 1; axis >= 0; --axis) {
    std::optional<SmallVector<int64_t>> form = linearForm(map.getResult(axis), numLoops);
    if (!form)
      return gatherOperand(x, map);
    int64_t offset = form->back(), loop = -1, count = 0;
    for (int64_t i = 0; i < numLoops; ++i)
      if ((*form)[i]) {
        loop = i;
        ++count;
      }
    if (count > 1 || llvm::is_contained(order, loop))
      return gatherOperand(x, map);
    if (count == 0)
      continue;
    order.push_back(loop);
    std::optional<int64_t> extent = getConstantIntValue(loops[loop]);
    if (((*form)[loop] != 1 || offset) && !extent)
      return gatherOperand(x, map);
  }
  Value result = x;
  order.clear();
  for (int64_t axis = static_cast<int64_t>(map.getNumResults()) - 1; axis >= 0 && result; --axis) {
    SmallVector<int64_t> form = *linearForm(map.getResult(axis), numLoops);
    auto found = llvm::find_if(ArrayRef(form).drop_back(), [](int64_t c) { return c != 0; });
    int64_t loop = found - form.begin(), offset = form.back();
    if (loop == numLoops) {
      result = t.pick(result, axis, offset);
      continue;
    }
    order.insert(order.begin(), loop);
    // A window at a known place sees a part of the axis.
    bool isWhole = form[loop] == 1 && !offset;
    std::optional<int64_t> places = getConstantIntValue(loops[loop]);
    if (isWhole && (!places || t.typeOf(result).isDynamicDim(axis) ||
                    *places == t.typeOf(result).getDimSize(axis)))
      continue;
    int64_t extent = *getConstantIntValue(loops[loop]);
    int64_t end = offset + (extent - 1) * form[loop] + (form[loop] > 0 ? 1 : -1);
    result = extent ? t.slice(result, axis, offset, end, form[loop]) : t.slice(result, axis, 0, 0);
  }
  if (!result)
    return {};
  // Axis i is loop order[i]; sorted, axes of extent 1 fill the gaps.
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, order.size()));
  llvm::sort(permutation, [&](int64_t i, int64_t j) { return order[i] < order[j]; });
  result = t.permute(result, permutation);
  if (!result)
    return {};
  Extents own = t.extents(result), shape(numLoops, t.index(1));
  if (static_cast<int64_t>(order.size()) == numLoops)
    return result;
  llvm::sort(order);
  for (auto [axis, loop] : llvm::enumerate(order))
    shape[loop] = own[axis];
  return t.reshape(result, shape);
}

Value Structured::toResult(Value x, ArrayRef<int64_t> kept, AffineMap map) {
  std::optional<SmallVector<int64_t>> axes = loopsOf(map);
  if (!x || !axes)
    return {};
  Extents shape, covered;
  SmallVector<int64_t> order;
  for (int64_t loop : kept) {
    shape.push_back(loops[loop]);
    if (llvm::is_contained(*axes, loop)) {
      covered.push_back(loops[loop]);
      order.push_back(loop);
    } else if (!isConstantIntValue(loops[loop], 1)) {
      return {};
    }
  }
  if (order.size() != axes->size())
    return {};
  x = repeat(x, shape);
  if (order.size() != kept.size())
    x = t.reshape(x, covered);
  SmallVector<int64_t> permutation;
  for (int64_t loop : *axes)
    permutation.push_back(llvm::find(order, loop) - order.begin());
  return x ? t.permute(x, permutation) : Value();
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

Value Structured::repeat(Value x, ArrayRef<OpFoldResult> shape) {
  if (!x)
    return {};
  ArrayRef<int64_t> own = t.typeOf(x).getShape();
  return own == ArrayRef(t.staticShape(shape)) ? x : t.broadcast(x, shape);
}

LogicalResult Structured::importBody(ArrayRef<Value> aligned, ArrayRef<Operation *> left,
                                     SmallVector<Value> known) {
  for (auto [number, x] : llvm::enumerate(aligned))
    if (BlockArgument own = argument(number); own && failed(im.set(own, x)))
      return failure();
  if (known.empty() && op.hasIndexSemantics())
    known = places();
  Importer::PlacesScope scope(im, std::move(known));
  for (Operation &each : body.without_terminator())
    if (!llvm::is_contained(left, &each) && failed(im.importOp(&each)))
      return failure();
  t.setLoc(op.getLoc());
  return success();
}

std::optional<Combiner> Structured::combiner(size_t number) const {
  BlockArgument soFar = argument(numInputs + number);
  Operation *last = yielded(number).getDefiningOp();
  if (!soFar || !soFar.hasOneUse() || !last || last->getBlock() != &body ||
      last->getNumOperands() != 2 || !last->getResult(0).hasOneUse() || *soFar.user_begin() != last)
    return std::nullopt;
  return Combiner{last, last->getOperand(last->getOperand(0) == soFar ? 1 : 0)};
}

/// Whether combining with `init` changes nothing.
static bool isNeutral(Operation *op, Attribute init) {
  StringRef name = op->getName().stripDialect();
  if (auto real = dyn_cast_if_present<FloatAttr>(init)) {
    const APFloat &value = real.getValue();
    return (name == "addf" && value.isPosZero()) || (name == "mulf" && value.isExactlyValue(1.0)) ||
           (name == "maximumf" && value.isInfinity() && value.isNegative()) ||
           (name == "minimumf" && value.isInfinity() && !value.isNegative());
  }
  if (auto integer = dyn_cast_if_present<IntegerAttr>(init)) {
    APInt value = integer.getValue();
    return ((name == "addi" || name == "ori" || name == "maxui") && value.isZero()) ||
           (name == "muli" && value.isOne()) ||
           ((name == "andi" || name == "minui") && value.isAllOnes()) ||
           (name == "maxsi" && value.isMinSignedValue()) ||
           (name == "minsi" && value.isMaxSignedValue());
  }
  return false;
}

LogicalResult Structured::finish(size_t number, const Combiner &combiner, Value reduced) {
  if (!reduced)
    return im.refuse(op, "the map of result " + Twine(number) + " is not covered");
  Value start = init(number);
  if (!isNeutral(combiner.op, t.splatOf(start))) {
    ElementRule rule = im.rules.find(combiner.op);
    reduced = rule ? rule(t, combiner.op, {start, reduced}) : Value();
  }
  return im.set(op->getResult(number), reduced);
}

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

static LogicalResult importParallel(Structured &s) {
  SmallVector<Value> aligned;
  for (auto [number, x] : llvm::enumerate(s.operands)) {
    BlockArgument own = s.argument(number);
    bool isUsed = own && !own.use_empty();
    aligned.push_back(isUsed ? s.align(x, s.maps[number]) : x);
  }
  if (failed(s.importBody(aligned)))
    return failure();
  for (size_t number = 0; number < s.numInits(); ++number) {
    Value element = s.im.tensorOf(s.im.get(s.yielded(number)));
    Value result = s.toResult(element, s.parallel, s.initMap(number));
    if (!result)
      return s.im.refuse(s.op, "the map of result " + Twine(number) + " is not covered");
    if (failed(s.im.set(s.op->getResult(number), result)))
      return failure();
  }
  return success();
}

std::optional<LogicalResult> mlir::torsh::importStructuredOp(Importer &im, Operation *op) {
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    if (index.getDim() >= im.getPlaces().size())
      return im.refuse(op, "it is outside of a structured operation");
    return im.set(index.getResult(), im.getPlaces()[index.getDim()]);
  }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured)
    return std::nullopt;
  Structured s(im, structured);
  if (failed(s.prepare()))
    return failure();
  if (s.reduction.empty())
    return importParallel(s);
  for (auto import : {importMatrixProduct, importConvolution, importPool, importReduction,
                      importArgReduction, importUnrolled})
    if (std::optional<LogicalResult> done = import(s))
      return *done;
  return im.refuse(op, "its body combines elements in a way that is not covered for more than " +
                           Twine(kMostIterations) + " of them");
}
