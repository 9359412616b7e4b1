// SPDX-License-Identifier: Apache-2.0
// Builds torsh operations for the import, with types inferred and extents that may be `?`.

#include "TensorBuilder.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include <limits>

using namespace mlir;
using namespace mlir::torsh;

bool TensorBuilder::isElement(Type type) {
  if (isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(type))
    return true;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return false;
  if (integer.getWidth() == 1)
    return integer.isSignless();
  return !integer.isSigned() && llvm::is_contained({8u, 16u, 32u, 64u}, integer.getWidth());
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value TensorBuilder::constant(ElementsAttr elements) {
  return ConstantOp::create(b, loc, elements);
}

Value TensorBuilder::scalar(Type element, double number) {
  Attribute attribute;
  if (auto type = dyn_cast<FloatType>(element))
    attribute = b.getFloatAttr(type, number);
  else
    attribute = IntegerAttr::get(element, APInt(element.getIntOrFloatBitWidth(),
                                                static_cast<int64_t>(number),
                                                /*isSigned=*/true, /*implicitTrunc=*/true));
  return constant(DenseElementsAttr::get(RankedTensorType::get({}, element), attribute));
}

Attribute TensorBuilder::splatOf(Value x) {
  while (x) {
    Operation *op = x.getDefiningOp();
    if (auto constant = dyn_cast_if_present<ConstantOp>(op)) {
      auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
      return splat ? splat.getSplatValue<Attribute>() : Attribute();
    }
    if (!isa_and_present<BroadcastOp, ReshapeOp, PermuteOp>(op))
      return {};
    x = op->getOperand(0);
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

Value TensorBuilder::op(StringRef mnemonic, ValueRange operands,
                        ArrayRef<NamedAttribute> attributes) {
  if (llvm::is_contained(operands, Value()))
    return {};
  OperationState state(loc, ("torsh." + mnemonic).str());
  state.addOperands(operands);
  state.addAttributes(attributes);
  assert(state.name.isRegistered() && "torsh has no such operation");
  RegisteredOperationName info = *state.name.getRegisteredInfo();
  SmallVector<char> storage(info.getOpPropertyByteSize());
  OpaqueProperties properties(storage.data());
  info.initOpProperties(properties, OpaqueProperties(nullptr));
  DictionaryAttr dictionary = state.attributes.getDictionary(b.getContext());
  LogicalResult known = success();
  if (!storage.empty()) {
    known = info.setOpPropertiesFromAttribute(info, properties, dictionary,
                                              [&]() { return mlir::emitError(loc); });
    info.populateDefaultProperties(properties);
  }
  // An inference that fails has said why.
  if (succeeded(known))
    known = info.getInterface<InferTypeOpInterface>()->inferReturnTypes(
        b.getContext(), loc, state.operands, dictionary, properties, {}, state.types);
  info.destroyOpProperties(properties);
  if (failed(known))
    return {};
  return b.create(state)->getResult(0);
}

Value TensorBuilder::compare(ComparePredicate predicate, Value x, Value y) {
  return op("compare", {x, y},
            b.getNamedAttr("predicate", ComparePredicateAttr::get(b.getContext(), predicate)));
}

Value TensorBuilder::cast(Value x, Type element) {
  if (!x || elementOf(x) == element)
    return x;
  return op("cast", {x}, b.getNamedAttr("dtype", TypeAttr::get(element)));
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

OpFoldResult TensorBuilder::extent(Value x, int64_t axis) {
  return tensor::getMixedSize(b, loc, x, axis);
}

Extents TensorBuilder::extents(Value x) { return tensor::getMixedSizes(b, loc, x); }

OpFoldResult TensorBuilder::product(ArrayRef<OpFoldResult> factors) {
  OpFoldResult result = index(1);
  AffineExpr x = b.getAffineSymbolExpr(0), y = b.getAffineSymbolExpr(1);
  for (OpFoldResult factor : factors) {
    if (isConstantIntValue(result, 1))
      result = factor;
    else if (!isConstantIntValue(factor, 1))
      result = affine::makeComposedFoldedAffineApply(b, loc, x * y, {result, factor});
  }
  return result;
}

SmallVector<int64_t> TensorBuilder::staticShape(ArrayRef<OpFoldResult> extents) {
  SmallVector<int64_t> shape;
  for (OpFoldResult extent : extents)
    shape.push_back(getConstantIntValue(extent).value_or(ShapedType::kDynamic));
  return shape;
}

SmallVector<Value> TensorBuilder::sizes(ArrayRef<OpFoldResult> shape) {
  SmallVector<Value> values;
  for (OpFoldResult extent : shape)
    if (!getConstantIntValue(extent))
      values.push_back(mlir::cast<Value>(extent));
  return values;
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

Value TensorBuilder::reshaping(StringRef name, Value x, ArrayRef<OpFoldResult> shape) {
  OperationState state(loc, name);
  state.addOperands(x);
  state.addOperands(sizes(shape));
  state.addTypes(RankedTensorType::get(staticShape(shape), elementOf(x)));
  return b.create(state)->getResult(0);
}

Value TensorBuilder::reshape(Value x, ArrayRef<OpFoldResult> shape) {
  if (!x || (typeOf(x).hasStaticShape() && typeOf(x).getShape() == ArrayRef(staticShape(shape))))
    return x;
  return reshaping("torsh.reshape", x, shape);
}

Value TensorBuilder::broadcast(Value x, ArrayRef<OpFoldResult> shape) {
  if (!x || (typeOf(x).hasStaticShape() && typeOf(x).getShape() == ArrayRef(staticShape(shape))))
    return x;
  return reshaping("torsh.broadcast", x, shape);
}

Value TensorBuilder::permute(Value x, ArrayRef<int64_t> permutation) {
  if (llvm::is_sorted(permutation))
    return x;
  return op("permute", {x}, integers("permutation", permutation));
}

Value TensorBuilder::slice(Value x, int64_t axis, int64_t start, int64_t stop, int64_t stride) {
  if (!x)
    return {};
  if (!typeOf(x).isDynamicDim(axis) && start == 0 && stride == 1 &&
      stop == typeOf(x).getDimSize(axis))
    return x;
  int64_t rank = typeOf(x).getRank();
  SmallVector<int64_t> starts(rank, 0), strides(rank, 1), stops;
  for (int64_t extent : typeOf(x).getShape())
    stops.push_back(ShapedType::isDynamic(extent) ? std::numeric_limits<int64_t>::max() : extent);
  starts[axis] = start;
  stops[axis] = stop;
  strides[axis] = stride;
  return op("slice", {x},
            {integers("start", starts), integers("stop", stops), integers("stride", strides)});
}

Value TensorBuilder::pick(Value x, int64_t axis, int64_t place) {
  Value one = slice(x, axis, place, place + 1);
  if (!one)
    return {};
  Extents shape = extents(one);
  shape.erase(shape.begin() + axis);
  return reshape(one, shape);
}

Value TensorBuilder::concat(ValueRange values, int64_t axis) {
  if (values.size() == 1)
    return values.front();
  return op("concat", values, b.getNamedAttr("axis", b.getI64IntegerAttr(axis)));
}

Value TensorBuilder::pad(Value x, ArrayRef<int64_t> low, ArrayRef<int64_t> high, Value fill) {
  return op("pad", {x, fill}, {integers("low", low), integers("high", high)});
}

Value TensorBuilder::iota(ArrayRef<OpFoldResult> shape, int64_t axis, Type element) {
  return IotaOp::create(b, loc, RankedTensorType::get(staticShape(shape), element), sizes(shape),
                        axis);
}

Value TensorBuilder::reduce(StringRef mnemonic, Value x, ArrayRef<int64_t> axes, bool keepdims) {
  if (axes.empty())
    return x;
  return op(mnemonic, {x},
            {integers("axes", axes), b.getNamedAttr("keepdims", b.getBoolAttr(keepdims))});
}

Value TensorBuilder::gather(Value x, ValueRange indices, ArrayRef<int64_t> axes) {
  SmallVector<Value> operands{x};
  for (Value index : indices)
    operands.push_back(cast(index, b.getI64Type()));
  return op("gather", operands, integers("axes", axes));
}

Value TensorBuilder::window(Value x, int64_t axis, Value start, OpFoldResult size, int64_t stride) {
  if (!x || !start)
    return {};
  Value places = iota({size}, 0, b.getI64Type());
  if (stride != 1)
    places = op("mul", {places, like(places, stride)});
  return gather(x, {op("add", {places, cast(start, b.getI64Type())})}, {axis});
}

Value TensorBuilder::fromSize(Value size, Type element) {
  if (std::optional<int64_t> number = getConstantIntValue(size))
    return scalar(element, static_cast<double>(*number));
  // As many ones as the size says, added.
  return reduce("sum", broadcast(scalar(element, 1), {OpFoldResult(size)}), {0});
}
