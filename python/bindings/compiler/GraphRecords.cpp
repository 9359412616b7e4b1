// SPDX-License-Identifier: Apache-2.0
// A function of a module as flat records, for walking it in Python.

#include "Attributes.h"
#include "Diagnostics.h"
#include "GraphBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

namespace {

struct OpRecord {
  std::string name;
  std::vector<int64_t> operands, results;
  std::vector<PyTensorType> resultTypes;
  nb::dict attributes;
  std::optional<std::pair<std::string, unsigned>> location;
};

struct Graph {
  std::vector<PyTensorType> inputs;
  std::vector<std::string> inputNames;
  std::vector<int64_t> outputs;
  std::vector<OpRecord> ops;
};

/// The number of operands in each operand group of the operation's definition.
std::vector<int32_t> operandSegments(Operation *op) {
  if (auto sizes = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes"))
    return std::vector<int32_t>(sizes.asArrayRef());
  int32_t count = op->getNumOperands();
  std::optional<int32_t> fixed = fixedOperandCount(*op->getRegisteredInfo());
  if (!fixed)
    return std::vector<int32_t>(count, 1);
  std::vector<int32_t> segments(*fixed, 1);
  segments.push_back(count - *fixed);
  return segments;
}

Graph makeGraph(Module &module, const std::string &name) {
  auto function = module.op->lookupSymbol<func::FuncOp>(name);
  if (!function)
    throw nb::value_error(("the module has no function @" + name).c_str());
  if (!function.getBody().hasOneBlock())
    throw nb::value_error(("@" + name + " is not one block of operations").c_str());

  Graph graph;
  llvm::DenseMap<Value, int64_t> numbers;
  auto number = [&](Value value) {
    return numbers.try_emplace(value, numbers.size()).first->second;
  };
  for (BlockArgument argument : function.getArguments()) {
    number(argument);
    graph.inputs.push_back(fromMLIR(argument.getType()));
    auto given = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "torsh.name");
    graph.inputNames.push_back(given ? given.str() : "");
  }
  for (Operation &op : function.getBody().front()) {
    if (auto end = dyn_cast<func::ReturnOp>(op)) {
      for (Value value : end.getOperands())
        graph.outputs.push_back(number(value));
      break;
    }
    if (op.getNumRegions())
      throw nb::value_error((op.getName().getStringRef() + " has regions, which a flat graph "
                                                           "cannot hold")
                                .str()
                                .c_str());
    OpRecord record;
    record.name = op.getName().getStringRef().str();
    for (Value operand : op.getOperands())
      record.operands.push_back(number(operand));
    for (Value result : op.getResults()) {
      record.results.push_back(number(result));
      record.resultTypes.push_back(fromMLIR(result.getType()));
    }
    for (NamedAttribute attribute : op.getAttrDictionary())
      if (attribute.getName() != "operandSegmentSizes")
        record.attributes[attribute.getName().str().c_str()] = fromAttribute(attribute.getValue());
    record.attributes["operand_segments"] = operandSegments(&op);
    record.location = fileAndLine(op.getLoc());
    graph.ops.push_back(std::move(record));
  }
  return graph;
}

} // namespace

void torshjit::python::bindGraphRecords(nb::module_ &m, nb::class_<Module> &module) {
  nb::class_<PyTensorType>(m, "TensorType", "An element type and a shape, -1 for '?'.")
      .def_ro("dtype", &PyTensorType::dtype)
      .def_prop_ro("shape",
                   [](const PyTensorType &type) {
                     nb::list shape;
                     for (int64_t extent : type.shape)
                       shape.append(extent);
                     return nb::tuple(shape);
                   })
      .def("__repr__", [](const PyTensorType &type) {
        std::string text = "TensorType(" + type.dtype + ", (";
        for (int64_t extent : type.shape)
          text += std::to_string(extent) + ",";
        return text + "))";
      });
  nb::class_<OpRecord>(m, "OpRecord", "One operation; values are numbered from 0.")
      .def_ro("name", &OpRecord::name)
      .def_ro("operands", &OpRecord::operands)
      .def_ro("results", &OpRecord::results)
      .def_ro("result_types", &OpRecord::resultTypes)
      .def_ro("attributes", &OpRecord::attributes)
      .def_ro("location", &OpRecord::location);
  nb::class_<Graph>(m, "Graph",
                    "A function as a list of operations; its inputs are the first values.")
      .def_ro("inputs", &Graph::inputs)
      .def_ro("input_names", &Graph::inputNames)
      .def_ro("outputs", &Graph::outputs)
      .def_ro("ops", &Graph::ops);
  module.def("graph", &makeGraph, nb::arg("function") = "main", "The function as flat records.");
}
