// SPDX-License-Identifier: Apache-2.0
// The result types of operations, inferred from operands and attributes.

#include "ResultTypes.h"
#include "Diagnostics.h"
#include "GraphBuilder.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Block.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

/// Inference reads the operands by their number, so that has to be right.
static LogicalResult checkOperandCount(OperationState &state, RegisteredOperationName info) {
  size_t count = state.operands.size();
  auto wrong = [&](const char *quantity, size_t expected) {
    return mlir::emitError(state.location)
           << info.getStringRef() << ": takes " << quantity << expected << " operand"
           << (expected == 1 ? "" : "s") << ", got " << count;
  };
  std::optional<size_t> exactly, atLeast;
  if (info.hasTrait<OpTrait::ZeroOperands>())
    exactly = 0;
  else if (info.hasTrait<OpTrait::OneOperand>())
    exactly = 1;
  else if (info.hasTrait<OpTrait::NOperands<2>::Impl>())
    exactly = 2;
  else if (info.hasTrait<OpTrait::NOperands<3>::Impl>())
    exactly = 3;
  else if (info.hasTrait<OpTrait::AtLeastNOperands<1>::Impl>())
    atLeast = 1;
  else if (info.hasTrait<OpTrait::AtLeastNOperands<2>::Impl>())
    atLeast = 2;
  else if (info.hasTrait<OpTrait::AtLeastNOperands<3>::Impl>())
    atLeast = 3;
  if (exactly && count != *exactly)
    return wrong("", *exactly);
  if (atLeast && count < *atLeast)
    return wrong("at least ", *atLeast);
  return success();
}

LogicalResult torshjit::python::inferResultTypes(OperationState &state,
                                                 RegisteredOperationName info) {
  auto *interface = info.getInterface<InferTypeOpInterface>();
  if (!interface)
    throw nb::value_error((info.getStringRef() + " needs result_type").str().c_str());
  SmallVector<char> storage(info.getOpPropertyByteSize());
  OpaqueProperties properties(storage.data());
  info.initOpProperties(properties, OpaqueProperties(nullptr));
  DictionaryAttr attributes = state.attributes.getDictionary(state.getContext());
  LogicalResult ok = success();
  if (!storage.empty()) {
    ok = info.setOpPropertiesFromAttribute(info, properties, attributes,
                                           [&]() { return mlir::emitError(state.location); });
    info.populateDefaultProperties(properties);
  }
  if (succeeded(ok))
    ok = checkOperandCount(state, info);
  if (succeeded(ok))
    ok = interface->inferReturnTypes(state.getContext(), state.location, state.operands, attributes,
                                     properties, {}, state.types);
  info.destroyOpProperties(properties);
  return ok;
}

/// The same for an operation of another MLIR package, whose types and attributes are text.
static std::vector<std::string> inferFromText(std::shared_ptr<Context> context,
                                              const std::string &name,
                                              const std::vector<std::string> &operandTypes,
                                              const std::string &attributes,
                                              const std::vector<int32_t> &segments) {
  MLIRContext *ctx = context->get();
  std::optional<RegisteredOperationName> info = RegisteredOperationName::lookup(name, ctx);
  if (!info)
    throw nb::value_error(("unknown operation '" + name + "'").c_str());
  DiagnosticCollector diagnostics(ctx);
  Location loc = UnknownLoc::get(ctx);
  Block block;
  OperationState state(loc, *info);
  for (const std::string &text : operandTypes) {
    Type type = parseType(text, ctx);
    if (!type)
      diagnostics.raise("cannot parse the type of an operand");
    state.addOperands(block.addArgument(type, loc));
  }
  auto dictionary = dyn_cast_if_present<DictionaryAttr>(parseAttribute(attributes, ctx));
  if (!dictionary)
    diagnostics.raise("cannot parse the attributes");
  state.addAttributes(dictionary.getValue());
  if (info->hasTrait<OpTrait::AttrSizedOperandSegments>())
    state.addAttribute("operandSegmentSizes", DenseI32ArrayAttr::get(ctx, segments));
  if (failed(inferResultTypes(state, *info)) || diagnostics.hasError())
    diagnostics.raise(name + ": cannot infer the result's type");
  std::vector<std::string> types;
  for (Type type : state.types)
    llvm::raw_string_ostream(types.emplace_back()) << type;
  return types;
}

void torshjit::python::bindResultTypes(nb::module_ &m) {
  m.def("infer_result_types", &inferFromText, nb::arg("context"), nb::arg("name"),
        nb::arg("operand_types"), nb::arg("attributes"), nb::arg("segments"),
        "The result types of an operation as text, from its operands' types, a dictionary of its "
        "attributes, and the number of operands in each of its groups; raises MLIRError.");
}
