// SPDX-License-Identifier: Apache-2.0
// Types and attributes between Python and MLIR.

#include "Attributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <cstring>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type torshjit::python::parseDType(MLIRContext *context, const std::string &name) {
  Builder b(context);
  if (name == "f32")
    return b.getF32Type();
  if (name == "f64")
    return b.getF64Type();
  if (name == "f16")
    return b.getF16Type();
  if (name == "bf16")
    return b.getBF16Type();
  for (unsigned width : {1, 8, 16, 32, 64})
    if (name == "i" + std::to_string(width))
      return b.getIntegerType(width);
  for (unsigned width : {8, 16, 32, 64})
    if (name == "ui" + std::to_string(width))
      return b.getIntegerType(width, /*isSigned=*/false);
  throw nb::value_error(("unknown element type '" + name + "'").c_str());
}

std::string torshjit::python::printDType(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

RankedTensorType torshjit::python::toMLIR(MLIRContext *context, const PyTensorType &type) {
  SmallVector<int64_t> shape;
  for (int64_t extent : type.shape) {
    if (extent < -1)
      throw nb::value_error("extents must be -1 (dynamic) or not negative");
    shape.push_back(extent < 0 ? ShapedType::kDynamic : extent);
  }
  return RankedTensorType::get(shape, parseDType(context, type.dtype));
}

PyTensorType torshjit::python::fromMLIR(Type type) {
  PyTensorType result;
  auto shaped = dyn_cast<ShapedType>(type);
  result.dtype = printDType(shaped ? shaped.getElementType() : type);
  if (shaped && shaped.hasRank())
    for (int64_t extent : shaped.getShape())
      result.shape.push_back(ShapedType::isDynamic(extent) ? -1 : extent);
  return result;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// The NumPy dtype of an element type; bfloat16 is ml_dtypes'.
static nb::object numpyDType(Type type) {
  nb::module_ numpy = nb::module_::import_("numpy");
  if (type.isBF16())
    return numpy.attr("dtype")(nb::module_::import_("ml_dtypes").attr("bfloat16"));
  if (type.isInteger(1))
    return numpy.attr("dtype")("bool");
  std::string kind = isa<FloatType>(type) ? "float" : type.isUnsignedInteger() ? "uint" : "int";
  return numpy.attr("dtype")(kind + std::to_string(type.getIntOrFloatBitWidth()));
}

static Type elementTypeOf(MLIRContext *context, nb::handle dtype) {
  auto name = nb::cast<std::string>(dtype.attr("name"));
  if (name == "bool")
    return parseDType(context, "i1");
  if (name == "bfloat16")
    return parseDType(context, "bf16");
  if (name.rfind("float", 0) == 0)
    return parseDType(context, "f" + name.substr(5));
  if (name.rfind("uint", 0) == 0)
    return parseDType(context, "ui" + name.substr(4));
  if (name.rfind("int", 0) == 0)
    return parseDType(context, "i" + name.substr(3));
  throw nb::value_error(("unsupported array dtype '" + name + "'").c_str());
}

DenseElementsAttr torshjit::python::toElements(MLIRContext *context, nb::handle array) {
  Type element = elementTypeOf(context, array.attr("dtype"));
  auto shape = nb::cast<std::vector<int64_t>>(array.attr("shape"));
  auto type = RankedTensorType::get(shape, element);
  auto data = nb::cast<nb::bytes>(array.attr("tobytes")());
  ArrayRef<char> bytes(data.c_str(), data.size());
  if (element.isInteger(1)) {
    SmallVector<bool> bits(bytes.begin(), bytes.end());
    return DenseElementsAttr::get(type, bits);
  }
  return DenseElementsAttr::getFromRawBuffer(type, bytes);
}

nb::object torshjit::python::fromElements(ElementsAttr elements) {
  Type element = elements.getElementType();
  nb::module_ numpy = nb::module_::import_("numpy");
  nb::list shape;
  for (int64_t extent : elements.getShapedType().getShape())
    shape.append(extent);
  std::string bytes;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      throw nb::value_error("the resource of a constant has no data");
    bytes.assign(blob->getData().data(), blob->getData().size());
  } else if (auto dense = dyn_cast<DenseElementsAttr>(elements)) {
    if (element.isInteger(1)) {
      for (bool bit : dense.getValues<bool>())
        bytes.push_back(bit);
    } else if (dense.isSplat()) {
      ArrayRef<char> one = dense.getRawData();
      bytes.reserve(one.size() * dense.getNumElements());
      for (int64_t i = 0; i < dense.getNumElements(); ++i)
        bytes.append(one.data(), one.size());
    } else {
      bytes.assign(dense.getRawData().data(), dense.getRawData().size());
    }
  } else {
    throw nb::value_error("unsupported kind of constant");
  }
  nb::object flat =
      numpy.attr("frombuffer")(nb::bytes(bytes.data(), bytes.size()), numpyDType(element));
  return flat.attr("reshape")(nb::tuple(shape)).attr("copy")();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

Attribute torshjit::python::toAttribute(Builder &builder, const std::string &name,
                                        nb::handle value) {
  MLIRContext *context = builder.getContext();
  // Attributes that a plain value does not determine.
  if (nb::isinstance<nb::str>(value)) {
    auto text = nb::cast<std::string>(value);
    if (name == "predicate")
      if (auto predicate = mlir::torsh::symbolizeComparePredicate(text))
        return mlir::torsh::ComparePredicateAttr::get(context, *predicate);
    if (name == "approximate")
      if (auto approximation = mlir::torsh::symbolizeGeluApproximation(text))
        return mlir::torsh::GeluApproximationAttr::get(context, *approximation);
    if (name == "kind")
      if (auto kind = mlir::torsh::symbolizeScanKind(text))
        return mlir::torsh::ScanKindAttr::get(context, *kind);
    if (name == "reduction")
      if (auto reduction = mlir::torsh::symbolizeScatterReduction(text))
        return mlir::torsh::ScatterReductionAttr::get(context, *reduction);
    if (name == "predicate" || name == "approximate" || name == "kind" || name == "reduction")
      throw nb::value_error(("unknown case '" + text + "' of attribute " + name).c_str());
    if (name == "dtype")
      return TypeAttr::get(parseDType(context, text));
    return builder.getStringAttr(text);
  }
  if (name == "pure" && nb::isinstance<nb::bool_>(value))
    return nb::cast<bool>(value) ? builder.getUnitAttr() : UnitAttr();
  if (nb::isinstance<nb::bool_>(value))
    return builder.getBoolAttr(nb::cast<bool>(value));
  bool isReal = name == "eps" || name == "negative_slope" || name == "alpha";
  if (nb::isinstance<nb::int_>(value) && !isReal)
    return builder.getI64IntegerAttr(nb::cast<int64_t>(value));
  if (nb::isinstance<nb::float_>(value) || nb::isinstance<nb::int_>(value))
    return builder.getF64FloatAttr(nb::cast<double>(value));
  if (nb::isinstance<nb::list>(value) || nb::isinstance<nb::tuple>(value))
    return builder.getDenseI64ArrayAttr(nb::cast<std::vector<int64_t>>(value));
  throw nb::type_error(("attribute " + name + " has a value of an unsupported type").c_str());
}

nb::object torshjit::python::fromAttribute(Attribute attribute) {
  if (auto predicate = dyn_cast<mlir::torsh::ComparePredicateAttr>(attribute))
    return nb::cast(mlir::torsh::stringifyComparePredicate(predicate.getValue()).str());
  if (auto approximation = dyn_cast<mlir::torsh::GeluApproximationAttr>(attribute))
    return nb::cast(mlir::torsh::stringifyGeluApproximation(approximation.getValue()).str());
  if (auto kind = dyn_cast<mlir::torsh::ScanKindAttr>(attribute))
    return nb::cast(mlir::torsh::stringifyScanKind(kind.getValue()).str());
  if (auto reduction = dyn_cast<mlir::torsh::ScatterReductionAttr>(attribute))
    return nb::cast(mlir::torsh::stringifyScatterReduction(reduction.getValue()).str());
  if (auto array = dyn_cast<DenseI64ArrayAttr>(attribute))
    return nb::cast(std::vector<int64_t>(array.asArrayRef()));
  if (auto array = dyn_cast<DenseI32ArrayAttr>(attribute))
    return nb::cast(std::vector<int32_t>(array.asArrayRef()));
  if (auto type = dyn_cast<TypeAttr>(attribute))
    return nb::cast(printDType(type.getValue()));
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return nb::cast(flag.getValue());
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return nb::cast(integer.getValue().getSExtValue());
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return nb::cast(real.getValueAsDouble());
  if (auto text = dyn_cast<StringAttr>(attribute))
    return nb::cast(text.getValue().str());
  if (auto elements = dyn_cast<ElementsAttr>(attribute))
    return fromElements(elements);
  if (isa<UnitAttr>(attribute))
    return nb::cast(true);
  return nb::cast(printDType(NoneType::get(attribute.getContext())));
}

std::optional<int32_t> torshjit::python::fixedOperandCount(RegisteredOperationName info) {
  if (info.hasTrait<OpTrait::AttrSizedOperandSegments>())
    return std::nullopt;
  if (info.hasTrait<OpTrait::VariadicOperands>())
    return 0;
  if (info.hasTrait<OpTrait::AtLeastNOperands<1>::Impl>())
    return 1;
  if (info.hasTrait<OpTrait::AtLeastNOperands<2>::Impl>())
    return 2;
  if (info.hasTrait<OpTrait::AtLeastNOperands<3>::Impl>())
    return 3;
  return std::nullopt;
}
