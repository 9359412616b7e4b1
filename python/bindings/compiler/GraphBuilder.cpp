// SPDX-License-Identifier: Apache-2.0
// What the capture front ends build programs with: one call per operation, its
// types inferred and checked at that call.

#include "GraphBuilder.h"
#include "Attributes.h"
#include "Diagnostics.h"
#include "ResultTypes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Verifier.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

namespace {

using UserLocation = std::optional<std::pair<std::string, unsigned>>;
using ResultType = std::optional<std::pair<std::string, std::vector<int64_t>>>;
using ResultTypes = std::optional<std::vector<std::pair<std::string, std::vector<int64_t>>>>;

/// A value of the program under construction. It holds its builder's program.
struct PyValue {
  std::shared_ptr<Module> program;
  Value value;
};

class PyGraphBuilder {
public:
  PyGraphBuilder(std::shared_ptr<Context> context, const std::string &name)
      : program(std::make_shared<Module>()), builder(context->get()) {
    MLIRContext *ctx = context->get();
    Location loc = UnknownLoc::get(ctx);
    program->context = std::move(context);
    program->op = ModuleOp::create(loc);
    builder.setInsertionPointToStart(program->op->getBody());
    function = func::FuncOp::create(builder, loc, name, builder.getFunctionType({}, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
  }

  PyValue input(const std::string &dtype, const std::vector<int64_t> &shape,
                const std::string &name) {
    requireOpen();
    MLIRContext *ctx = context();
    RankedTensorType type = toMLIR(ctx, {dtype, shape});
    unsigned number = function.getNumArguments();
    NamedAttrList attributes;
    if (!name.empty())
      attributes.append("torsh.name", builder.getStringAttr(name));
    if (failed(function.insertArgument(number, type, attributes.getDictionary(ctx),
                                       function.getLoc())))
      throw nb::value_error("cannot add an input");
    return {program, function.getArgument(number)};
  }

  PyValue constant(nb::handle array, const UserLocation &loc) {
    requireOpen();
    DenseElementsAttr elements = toElements(context(), array);
    return {program, mlir::torsh::ConstantOp::create(builder, toLocation(loc), elements)};
  }

  nb::object create(std::string name, nb::sequence operandGroups, nb::dict attributes,
                    const UserLocation &userLoc, const ResultType &resultType,
                    const ResultTypes &resultTypes) {
    requireOpen();
    MLIRContext *ctx = context();
    if (name.find('.') == std::string::npos)
      name = "torsh." + name;
    std::optional<RegisteredOperationName> info = RegisteredOperationName::lookup(name, ctx);
    if (!info)
      throw nb::value_error(("unknown operation '" + name + "'").c_str());

    Location loc = toLocation(userLoc);
    OperationState state(loc, *info);
    SmallVector<int32_t> segments;
    for (nb::handle group : operandGroups)
      segments.push_back(addOperands(state.operands, group));
    for (auto [key, value] : attributes) {
      auto attributeName = nb::cast<std::string>(key);
      if (!llvm::is_contained(info->getAttributeNames(), StringRef(attributeName)))
        throw nb::value_error((name + " has no attribute '" + attributeName + "'").c_str());
      // A unit attribute that is false is absent.
      if (Attribute attribute = toAttribute(builder, attributeName, value))
        state.addAttribute(attributeName, attribute);
    }
    if (info->hasTrait<OpTrait::AttrSizedOperandSegments>())
      addSegments(state, *info, std::move(segments));
    else if (std::optional<int32_t> fixed = fixedOperandCount(*info))
      for (int32_t group = 0; group < std::min<int32_t>(*fixed, segments.size()); ++group)
        if (segments[group] != 1)
          throw nb::value_error((name + " needs its operand " + std::to_string(group)).c_str());

    DiagnosticCollector diagnostics(ctx);
    if (resultType)
      state.addTypes(toMLIR(ctx, {resultType->first, resultType->second}));
    else if (resultTypes)
      for (const auto &[dtype, shape] : *resultTypes)
        state.addTypes(toMLIR(ctx, {dtype, shape}));
    else if (!info->hasTrait<OpTrait::ZeroResults>() && failed(inferResultTypes(state, *info)))
      diagnostics.raise(name + ": cannot infer the result's type");
    Operation *op = builder.create(state);
    if (failed(mlir::verify(op, /*verifyRecursively=*/false)) || diagnostics.hasError()) {
      op->erase();
      diagnostics.raise(name + ": invalid operation");
    }
    if (op->getNumResults() == 1)
      return nb::cast(PyValue{program, op->getResult(0)});
    nb::list results;
    for (Value result : op->getResults())
      results.append(PyValue{program, result});
    return nb::tuple(results);
  }

  nb::list inlineFunction(Module &module, const std::vector<PyValue> &operands,
                          const std::vector<std::pair<std::string, std::vector<int64_t>>> &results,
                          const UserLocation &userLoc) {
    requireOpen();
    if (module.context->get() != context())
      throw nb::value_error("a function of another context cannot be inlined");
    auto functions = llvm::to_vector(module.op->getOps<func::FuncOp>());
    if (functions.size() != 1 || !functions.front().getBody().hasOneBlock())
      throw nb::value_error("expected a module of one function of one block");
    Block &body = functions.front().getBody().front();
    auto text = [](Type type) {
      std::string spelled;
      llvm::raw_string_ostream(spelled) << type;
      return spelled;
    };
    auto require = [&](const char *what, size_t number, Type own, Type given) {
      if (own != given)
        throw nb::value_error((std::string(what) + " " + std::to_string(number) +
                               " of the function is a " + text(own) + ", the call has a " +
                               text(given))
                                  .c_str());
    };
    auto requireCount = [](const char *what, size_t own, size_t given) {
      if (own != given)
        throw nb::value_error(("the function has " + std::to_string(own) + " " + what +
                               ", the call " + std::to_string(given))
                                  .c_str());
    };
    requireCount("operands", body.getNumArguments(), operands.size());
    IRMapping mapping;
    for (auto [number, operand] : llvm::enumerate(operands)) {
      requireOwn(operand);
      BlockArgument argument = body.getArgument(number);
      require("operand", number, argument.getType(), operand.value.getType());
      mapping.map(argument, operand.value);
    }
    Operation *end = body.getTerminator();
    requireCount("results", end->getNumOperands(), results.size());
    for (auto [number, type] : llvm::enumerate(results))
      require("result", number, end->getOperand(number).getType(),
              toMLIR(context(), {type.first, type.second}));
    Location loc = toLocation(userLoc);
    for (Operation &op : body.without_terminator()) {
      Operation *copy = builder.clone(op, mapping);
      if (userLoc)
        copy->walk([&](Operation *each) { each->setLoc(loc); });
    }
    nb::list values;
    for (Value value : end->getOperands())
      values.append(PyValue{program, mapping.lookup(value)});
    return values;
  }

  std::shared_ptr<Module> finish(const std::vector<PyValue> &outputs) {
    requireOpen();
    SmallVector<Value> values;
    for (const PyValue &output : outputs) {
      requireOwn(output);
      values.push_back(output.value);
    }
    func::ReturnOp::create(builder, function.getLoc(), values);
    function.setType(
        builder.getFunctionType(function.getArgumentTypes(), ValueRange(values).getTypes()));
    finished = true;
    DiagnosticCollector diagnostics(context());
    if (failed(mlir::verify(*program->op)))
      diagnostics.raise("the program is invalid");
    return program;
  }

private:
  MLIRContext *context() { return builder.getContext(); }

  void requireOpen() const {
    if (finished)
      throw nb::value_error("the program is finished");
  }
  void requireOwn(const PyValue &value) const {
    if (value.program != program)
      throw nb::value_error("a value of another program was used");
  }

  Location toLocation(const UserLocation &loc) {
    if (!loc)
      return UnknownLoc::get(context());
    return FileLineColLoc::get(context(), loc->first, loc->second, 0);
  }

  /// Adds one operand group: a value, None for an absent one, or a sequence.
  int32_t addOperands(SmallVectorImpl<Value> &operands, nb::handle group) {
    if (group.is_none())
      return 0;
    if (nb::isinstance<PyValue>(group)) {
      auto &value = nb::cast<PyValue &>(group);
      requireOwn(value);
      operands.push_back(value.value);
      return 1;
    }
    if (!nb::isinstance<nb::list>(group) && !nb::isinstance<nb::tuple>(group))
      throw nb::type_error("operands must be values, None, or lists of values");
    int32_t count = 0;
    for (nb::handle element : group)
      count += addOperands(operands, element);
    return count;
  }

  static void addSegments(OperationState &state, RegisteredOperationName info,
                          SmallVector<int32_t> segments) {
    // Absent groups at the end may be left out; an instance of the operation's
    // properties says how many there are.
    auto probe = segments;
    for (size_t count = segments.size(); count <= 8; ++count) {
      probe.resize(count, 0);
      auto attribute = DenseI32ArrayAttr::get(state.getContext(), probe);
      SmallVector<char> storage(info.getOpPropertyByteSize());
      OpaqueProperties properties(storage.data());
      info.initOpProperties(properties, OpaqueProperties(nullptr));
      NamedAttrList attributes(state.attributes);
      attributes.set("operandSegmentSizes", attribute);
      LogicalResult fits = info.setOpPropertiesFromAttribute(
          info, properties, attributes.getDictionary(state.getContext()),
          [&]() { return InFlightDiagnostic(); });
      info.destroyOpProperties(properties);
      if (succeeded(fits)) {
        state.addAttribute("operandSegmentSizes", attribute);
        return;
      }
    }
    throw nb::value_error(
        (info.getStringRef() + ": wrong number of operand groups or wrong attributes")
            .str()
            .c_str());
  }

  std::shared_ptr<Module> program;
  OpBuilder builder;
  func::FuncOp function;
  bool finished = false;
};

} // namespace

void torshjit::python::bindGraphBuilder(nb::module_ &m) {
  nb::class_<PyValue>(m, "Value", "A tensor of a program under construction.")
      .def_prop_ro("dtype", [](const PyValue &v) { return fromMLIR(v.value.getType()).dtype; })
      .def_prop_ro("shape", [](const PyValue &v) {
        nb::list shape;
        for (int64_t extent : fromMLIR(v.value.getType()).shape)
          shape.append(extent);
        return nb::tuple(shape);
      });
  nb::class_<PyGraphBuilder>(m, "GraphBuilder", "Builds a program of torsh operations.")
      .def(nb::init<std::shared_ptr<Context>, const std::string &>(), nb::arg("context"),
           nb::arg("name") = "main")
      .def("input", &PyGraphBuilder::input, nb::arg("dtype"), nb::arg("shape"),
           nb::arg("name") = "", "Adds an input of the program.")
      .def("constant", &PyGraphBuilder::constant, nb::arg("array"), nb::arg("loc") = nb::none(),
           "Adds a NumPy array as a constant.")
      .def("create", &PyGraphBuilder::create, nb::arg("op"), nb::arg("operands"),
           nb::arg("attributes") = nb::dict(), nb::arg("loc") = nb::none(),
           nb::arg("result_type") = nb::none(), nb::arg("result_types") = nb::none(),
           "Adds an operation; `operands` has an entry per operand group. A type is (dtype, "
           "shape); where the operation does not infer its results', `result_type` or the list "
           "`result_types` gives them. Returns its value, or a tuple of as many as it has. "
           "Raises MLIRError where it is invalid.")
      .def("inline", &PyGraphBuilder::inlineFunction, nb::arg("module"), nb::arg("operands"),
           nb::arg("result_types"), nb::arg("loc") = nb::none(),
           "Adds the operations of a module's one function and returns its results. Raises "
           "ValueError where its types are not those of the operands and of `result_types`.")
      .def("finish", &PyGraphBuilder::finish, nb::arg("outputs"),
           "Ends the program with its results and verifies it.");
}
