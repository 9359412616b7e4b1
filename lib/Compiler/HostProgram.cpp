// SPDX-License-Identifier: Apache-2.0
// The host function as the program that the runtime executes.

#include "torshjit/Compiler/HostProgram.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Tensor/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh;

namespace json = llvm::json;

namespace {

/// A shape of the program: an extent, or -1 - d for the dim number d.
using Shape = SmallVector<int64_t>;

class ProgramBuilder {
public:
  ProgramBuilder(func::FuncOp host, StringRef target) : host(host), target(target) {}

  FailureOr<HostProgram> build() {
    if (failed(addInputs()))
      return failure();
    markOutputs();
    for (Operation &op : host.getBody().front())
      if (failed(addOperation(&op)))
        return failure();
    result.program = json::Object{{"version", 1},
                                  {"target", target},
                                  {"inputs", std::move(inputs)},
                                  {"dims", std::move(dims)},
                                  {"checks", std::move(checks)},
                                  {"constants", std::move(constants)},
                                  {"buffers", std::move(buffers)},
                                  {"steps", std::move(steps)},
                                  {"results", std::move(results)}};
    return std::move(result);
  }

private:
  //===--------------------------------------------------------------------===//
  // Sizes
  //===--------------------------------------------------------------------===//

  int64_t addDim(json::Object dim) {
    dims.push_back(std::move(dim));
    return -static_cast<int64_t>(dims.size());
  }

  /// The dims list refers to itself by position.
  int64_t asDim(int64_t size) {
    if (size < 0)
      return -1 - size;
    return -1 - addDim(json::Object{{"op", "const"}, {"value", size}});
  }

  int64_t binary(StringRef name, int64_t lhs, int64_t rhs) {
    int64_t left = asDim(lhs), right = asDim(rhs);
    return addDim(json::Object{{"op", name}, {"lhs", left}, {"rhs", right}});
  }

  FailureOr<int64_t> expression(AffineExpr expr, ArrayRef<int64_t> dimValues,
                                ArrayRef<int64_t> symbolValues) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return constant.getValue() >= 0
                 ? constant.getValue()
                 : addDim(json::Object{{"op", "const"}, {"value", constant.getValue()}});
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return dimValues[dim.getPosition()];
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
      return symbolValues[symbol.getPosition()];
    auto pair = cast<AffineBinaryOpExpr>(expr);
    FailureOr<int64_t> lhs = expression(pair.getLHS(), dimValues, symbolValues);
    FailureOr<int64_t> rhs = expression(pair.getRHS(), dimValues, symbolValues);
    if (failed(lhs) || failed(rhs))
      return failure();
    StringRef name = expr.getKind() == AffineExprKind::Add        ? "add"
                     : expr.getKind() == AffineExprKind::Mul      ? "mul"
                     : expr.getKind() == AffineExprKind::Mod      ? "mod"
                     : expr.getKind() == AffineExprKind::FloorDiv ? "floordiv"
                                                                  : "ceildiv";
    return binary(name, *lhs, *rhs);
  }

  FailureOr<int64_t> size(Value value) {
    if (auto found = sizes.find(value); found != sizes.end())
      return found->second;
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return sizes[value] =
                 constant.isNegative()
                     ? addDim(json::Object{{"op", "const"}, {"value", constant.getSExtValue()}})
                     : constant.getSExtValue();
    FailureOr<int64_t> made = makeSize(value);
    if (succeeded(made))
      sizes[value] = *made;
    return made;
  }

  FailureOr<int64_t> makeSize(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return host.emitError("a size of the host function is not computed in it"), failure();
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      std::optional<int64_t> axis = dim.getConstantIndex();
      auto found = shapes.find(dim.getSource());
      if (!axis || found == shapes.end())
        return op->emitError("not an extent the host program knows"), failure();
      return found->second[*axis];
    }
    SmallVector<int64_t> operands;
    for (Value operand : op->getOperands()) {
      FailureOr<int64_t> own = size(operand);
      if (failed(own))
        return failure();
      operands.push_back(*own);
    }
    ArrayRef<int64_t> all(operands);
    if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
      unsigned count = apply.getAffineMap().getNumDims();
      return expression(apply.getAffineMap().getResult(0), all.take_front(count),
                        all.drop_front(count));
    }
    if (isa<affine::AffineMinOp, affine::AffineMaxOp>(op)) {
      AffineMap map = isa<affine::AffineMinOp>(op) ? cast<affine::AffineMinOp>(op).getMap()
                                                   : cast<affine::AffineMaxOp>(op).getMap();
      std::optional<int64_t> best;
      for (AffineExpr expr : map.getResults()) {
        FailureOr<int64_t> own =
            expression(expr, all.take_front(map.getNumDims()), all.drop_front(map.getNumDims()));
        if (failed(own))
          return failure();
        best = best ? binary(isa<affine::AffineMinOp>(op) ? "min" : "max", *best, *own) : *own;
      }
      return *best;
    }
    StringRef name =
        llvm::TypeSwitch<Operation *, StringRef>(op)
            .Case<arith::AddIOp>([](auto) { return "add"; })
            .Case<arith::SubIOp>([](auto) { return "sub"; })
            .Case<arith::MulIOp>([](auto) { return "mul"; })
            .Case<arith::DivUIOp, arith::FloorDivSIOp>([](auto) { return "floordiv"; })
            .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>([](auto) { return "ceildiv"; })
            .Case<arith::RemUIOp>([](auto) { return "mod"; })
            .Case<arith::MinSIOp, arith::MinUIOp>([](auto) { return "min"; })
            .Case<arith::MaxSIOp, arith::MaxUIOp>([](auto) { return "max"; })
            .Default([](auto) { return ""; });
    if (name.empty())
      return op->emitError("not arithmetic the host program knows"), failure();
    return binary(name, operands[0], operands[1]);
  }

  //===--------------------------------------------------------------------===//
  // Buffers
  //===--------------------------------------------------------------------===//

  static std::string dtype(Type type) {
    std::string text;
    llvm::raw_string_ostream(text) << cast<RankedTensorType>(type).getElementType();
    return text;
  }

  static json::Array toJSON(ArrayRef<int64_t> shape) {
    json::Array array;
    for (int64_t extent : shape)
      array.push_back(extent);
    return array;
  }

  int64_t addBuffer(Value value, json::Object fields, ArrayRef<int64_t> shape) {
    fields["dtype"] = dtype(value.getType());
    fields["shape"] = toJSON(shape);
    buffers.push_back(std::move(fields));
    return static_cast<int64_t>(buffers.size()) - 1;
  }

  LogicalResult addInputs() {
    for (BlockArgument argument : host.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (!type)
        return host.emitError("argument ") << argument.getArgNumber() << " is not a tensor";
      int64_t number = argument.getArgNumber();
      Shape shape;
      for (auto [axis, extent] : llvm::enumerate(type.getShape()))
        shape.push_back(!ShapedType::isDynamic(extent)
                            ? extent
                            : addDim(json::Object{{"op", "input"},
                                                  {"input", number},
                                                  {"axis", static_cast<int64_t>(axis)}}));
      auto name = host.getArgAttrOfType<StringAttr>(number, "torsh.name");
      json::Object input{{"name", name ? name.str() : "arg" + std::to_string(number)},
                         {"dtype", dtype(type)},
                         {"shape", toJSON(shape)}};
      if (isFixed(argument))
        input["frozen"] = true;
      inputs.push_back(std::move(input));
      shapes[argument] = shape;
      buffer[argument] =
          addBuffer(argument, json::Object{{"kind", "input"}, {"index", number}}, shape);
    }
    return success();
  }

  /// The result of a step (or argument, or constant) whose memory a value is.
  static Value storageOf(Value value) {
    while (auto reshape = value.getDefiningOp<ReshapeOp>())
      value = reshape.getInput();
    return value;
  }

  /// The first returned value of each step's result owns an output; the rest of
  /// the results are copies.
  void markOutputs() {
    auto end = cast<func::ReturnOp>(host.getBody().front().getTerminator());
    for (auto [number, value] : llvm::enumerate(end.getOperands())) {
      Value storage = storageOf(value);
      // What is there before a call is copied to the call's result.
      if (auto launch = storage.getDefiningOp<LaunchOp>(); launch && launch->hasAttr(kOnceAttrName))
        continue;
      if (isa_and_present<LaunchOp, HostCallOp>(storage.getDefiningOp()) &&
          !outputOf.count(storage))
        outputOf[storage] = {value, static_cast<int64_t>(number)};
    }
  }

  FailureOr<Shape> shapeOfReshape(ReshapeOp op) {
    auto type = cast<RankedTensorType>(op.getResult().getType());
    Shape shape;
    size_t next = 0;
    std::optional<size_t> open;
    for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(extent)) {
        shape.push_back(extent);
      } else if (!op.getDynamicSizes().empty()) {
        FailureOr<int64_t> own = size(op.getDynamicSizes()[next++]);
        if (failed(own))
          return failure();
        shape.push_back(*own);
      } else {
        open = axis;
        shape.push_back(0);
      }
    }
    if (open) {
      int64_t volume = 1, rest = 1;
      for (int64_t extent : shapes.lookup(op.getInput()))
        volume = volume >= 0 && extent >= 0 ? volume * extent : binary("mul", volume, extent);
      for (auto [axis, extent] : llvm::enumerate(type.getShape()))
        if (axis != *open)
          rest *= std::max<int64_t>(extent, 1);
      shape[*open] = volume >= 0 ? volume / rest : binary("floordiv", volume, rest);
    }
    return shape;
  }

  LogicalResult addOperation(Operation *op) {
    if (auto constant = dyn_cast<torsh::ConstantOp>(op)) {
      Shape shape(cast<RankedTensorType>(constant.getResult().getType()).getShape());
      shapes[constant] = shape;
      int64_t number = result.constants.size();
      result.constants.push_back(constant.getValue());
      constants.push_back(
          json::Object{{"dtype", dtype(constant.getResult().getType())}, {"shape", toJSON(shape)}});
      buffer[constant] = addBuffer(constant.getResult(),
                                   json::Object{{"kind", "constant"}, {"index", number}}, shape);
      return success();
    }
    if (auto launch = dyn_cast<LaunchOp>(op))
      return addLaunch(launch);
    if (auto call = dyn_cast<HostCallOp>(op))
      return addCall(call);
    if (auto assertion = dyn_cast<AssertOp>(op)) {
      json::Object step{{"assert", buffer.lookup(assertion.getCondition())},
                        {"message", assertion.getMessage()}};
      addLocation(step, op);
      steps.push_back(std::move(step));
      return success();
    }
    if (auto reshape = dyn_cast<ReshapeOp>(op)) {
      FailureOr<Shape> shape = shapeOfReshape(reshape);
      if (failed(shape))
        return failure();
      shapes[reshape] = *shape;
      buffer[reshape] = addBuffer(
          reshape.getResult(),
          json::Object{{"kind", "alias"}, {"of", buffer.lookup(reshape.getInput())}}, *shape);
      return success();
    }
    if (auto check = dyn_cast<CheckOp>(op)) {
      FailureOr<int64_t> lhs = size(check.getLhs()), rhs = size(check.getRhs());
      if (failed(lhs) || failed(rhs))
        return failure();
      if (check.getRelation() != ComparePredicate::eq &&
          check.getRelation() != ComparePredicate::ge)
        return op->emitError("the host program checks only eq and ge");
      checks.push_back(json::Object{{"relation", stringifyComparePredicate(check.getRelation())},
                                    {"lhs", *lhs},
                                    {"rhs", *rhs},
                                    {"message", check.getMessage()}});
      return success();
    }
    if (auto end = dyn_cast<func::ReturnOp>(op))
      return addResults(end);
    if (op->getNumResults() == 1 && op->getResult(0).getType().isIndex())
      return success(); // Sizes are read where they are used.
    return op->emitError("not an operation of the host program");
  }

  static void addLocation(json::Object &step, Operation *op) {
    if (auto position = op->getLoc()->findInstanceOf<FileLineColLoc>())
      step["location"] =
          json::Array{position.getFilename().getValue(), static_cast<int64_t>(position.getLine())};
  }

  /// Gives each result of a step a buffer; `extents` are its '?' extents, in order.
  LogicalResult addResultBuffers(ResultRange stepResults, OperandRange extents,
                                 json::Array &operands) {
    size_t next = 0;
    for (Value value : stepResults) {
      Shape shape;
      for (int64_t extent : cast<RankedTensorType>(value.getType()).getShape()) {
        if (!ShapedType::isDynamic(extent)) {
          shape.push_back(extent);
          continue;
        }
        FailureOr<int64_t> own = size(extents[next++]);
        if (failed(own))
          return failure();
        shape.push_back(*own);
      }
      shapes[value] = shape;
      auto output = outputOf.find(value);
      buffer[value] =
          output == outputOf.end()
              ? addBuffer(value, json::Object{{"kind", "temporary"}}, shape)
              : addBuffer(value, json::Object{{"kind", "output"}, {"index", output->second.second}},
                          shape);
      operands.push_back(buffer.lookup(value));
    }
    return success();
  }

  LogicalResult addCall(HostCallOp call) {
    json::Array operands;
    for (Value input : call.getInputs())
      operands.push_back(buffer.lookup(input));
    if (failed(addResultBuffers(call.getResults(), call.getSizes(), operands)))
      return failure();
    json::Object step{{"call", call.getCallee()},
                      {"operands", std::move(operands)},
                      {"outputs", static_cast<int64_t>(call.getNumResults())}};
    addLocation(step, call);
    steps.push_back(std::move(step));
    return success();
  }

  LogicalResult addLaunch(LaunchOp launch) {
    json::Array operands, stepSizes;
    auto addSizes = [&](Value value) {
      auto type = cast<RankedTensorType>(value.getType());
      for (auto [axis, extent] : llvm::enumerate(type.getShape()))
        if (ShapedType::isDynamic(extent))
          stepSizes.push_back(shapes.lookup(value)[axis]);
    };
    for (Value input : launch.getInputs()) {
      operands.push_back(buffer.lookup(input));
      addSizes(input);
    }
    if (failed(addResultBuffers(launch.getResults(), launch.getSizes(), operands)))
      return failure();
    for (Value value : launch.getResults())
      addSizes(value);
    json::Object step{{"kernel", launch.getKernel()},
                      {"operands", std::move(operands)},
                      {"outputs", static_cast<int64_t>(launch.getNumResults())},
                      {"sizes", std::move(stepSizes)}};
    if (launch->hasAttr(kOnceAttrName)) {
      step["once"] = true;
      ++result.once[launch.getKernel()];
    }
    steps.push_back(std::move(step));
    return success();
  }

  LogicalResult addResults(func::ReturnOp end) {
    for (auto [number, value] : llvm::enumerate(end.getOperands())) {
      Value storage = storageOf(value);
      auto output = outputOf.find(storage);
      bool owns = output != outputOf.end() && output->second.second == static_cast<int64_t>(number);
      // A call is given the shape of its own result, so that a reshape of it stays an alias.
      if (owns && (storage == value || storage.getDefiningOp<HostCallOp>())) {
        results.push_back(buffer.lookup(value));
        continue;
      }
      if (owns) {
        // A reshaped result: the buffer takes the shape that is returned.
        int64_t own = buffer.lookup(storage);
        (*buffers[own].getAsObject())["shape"] = toJSON(shapes.lookup(value));
        results.push_back(own);
        continue;
      }
      int64_t copy = addBuffer(
          value, json::Object{{"kind", "output"}, {"index", static_cast<int64_t>(number)}},
          shapes.lookup(value));
      steps.push_back(json::Object{{"copy", json::Array{buffer.lookup(value), copy}}});
      results.push_back(copy);
    }
    return success();
  }

  func::FuncOp host;
  std::string target;
  HostProgram result;
  json::Array inputs, dims, checks, constants, buffers, steps, results;
  DenseMap<Value, int64_t> sizes;
  DenseMap<Value, Shape> shapes;
  DenseMap<Value, int64_t> buffer;
  /// From a step's result to the returned value that owns its output, and its
  /// number among the results.
  DenseMap<Value, std::pair<Value, int64_t>> outputOf;
};

} // namespace

FailureOr<HostProgram> mlir::torsh::buildHostProgram(func::FuncOp host, StringRef target) {
  return ProgramBuilder(host, target).build();
}

FailureOr<func::FuncOp> mlir::torsh::findHostFunction(ModuleOp module) {
  SmallVector<func::FuncOp> candidates;
  for (auto function : module.getOps<func::FuncOp>())
    if (!isKernel(function) && !function.isDeclaration())
      candidates.push_back(function);
  if (candidates.size() == 1)
    return candidates.front();
  for (func::FuncOp function : candidates)
    if (function.getSymName() == "main")
      return function;
  return module.emitError("needs one function, or one called main, to compile"), failure();
}
