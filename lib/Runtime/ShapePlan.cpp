// SPDX-License-Identifier: Apache-2.0
// Evaluates a program's extents for given argument shapes.
#include "torshjit/Runtime/ShapePlan.h"

#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <limits>

namespace torsh::runtime {
namespace {
[[noreturn]] void fail(const std::string &what) { throw Error(ErrorKind::Shape, what); }

int64_t floorDiv(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}

/// Values of all dims, with every overflow and division by zero an error.
class DimEvaluator {
public:
  DimEvaluator(const Program &program, InputShapes shapes) {
    values.reserve(program.dims.size());
    for (const DimExpr &dim : program.dims)
      values.push_back(evaluate(dim, shapes));
  }
  int64_t operator()(ShapeInt extent) const {
    return extent >= 0 ? extent : values[dimIndex(extent)];
  }

private:
  int64_t evaluate(const DimExpr &dim, InputShapes shapes) const {
    using Op = DimExpr::Op;
    if (dim.op == Op::Input)
      return shapes[dim.lhs][dim.rhs];
    if (dim.op == Op::Const)
      return dim.lhs;
    int64_t a = values[static_cast<size_t>(dim.lhs)];
    int64_t b = values[static_cast<size_t>(dim.rhs)];
    int64_t result = 0;
    bool overflow = false;
    switch (dim.op) {
    case Op::Add:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Op::Sub:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Op::Mul:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case Op::FloorDiv:
    case Op::CeilDiv:
    case Op::Mod:
      return divide(dim.op, a, b);
    case Op::Min:
      return std::min(a, b);
    case Op::Max:
      return std::max(a, b);
    case Op::Input:
    case Op::Const:
      break;
    }
    if (overflow)
      fail("an extent's computation overflows");
    return result;
  }

  static int64_t divide(DimExpr::Op op, int64_t a, int64_t b) {
    if (b == 0)
      fail("an extent's computation divides by zero");
    if (a == std::numeric_limits<int64_t>::min() && b == -1)
      fail("an extent's computation overflows");
    if (op == DimExpr::Op::FloorDiv)
      return floorDiv(a, b);
    if (op == DimExpr::Op::CeilDiv)
      return floorDiv(a, b) + (a % b != 0);
    return a - floorDiv(a, b) * b;
  }

  std::vector<int64_t> values;
};

void checkSignature(const Program &program, InputShapes shapes, const DimEvaluator &value) {
  for (size_t i = 0; i < program.inputs.size(); ++i) {
    const InputSpec &input = program.inputs[i];
    for (size_t axis = 0; axis < input.type.shape.size(); ++axis) {
      int64_t expected = value(input.type.shape[axis]);
      if (shapes[i][axis] != expected)
        fail("input \"" + input.name + "\": axis " + std::to_string(axis) + " has extent " +
             std::to_string(shapes[i][axis]) + ", expected " + std::to_string(expected));
    }
  }
}

void checkRelations(const Program &program, const DimEvaluator &value) {
  for (const Check &check : program.checks) {
    int64_t lhs = value(check.lhs);
    int64_t rhs = value(check.rhs);
    bool holds = check.relation == Check::Relation::Equal ? lhs == rhs : lhs >= rhs;
    if (!holds)
      fail(check.message + " (" + std::to_string(lhs) + " and " + std::to_string(rhs) + ")");
  }
}

template <typename Value> size_t bytesOf(const TensorType &type, const Value &value) {
  size_t bytes = byteSize(type.dtype);
  bool overflow = false;
  bool empty = false;
  for (ShapeInt extent : type.shape) {
    int64_t e = value(extent);
    if (e < 0)
      fail("a buffer's extent is negative: " + std::to_string(e));
    empty |= e == 0;
    if (e != 0)
      overflow |= __builtin_mul_overflow(bytes, static_cast<size_t>(e), &bytes);
  }
  if (empty)
    return 0;
  if (overflow || bytes > static_cast<size_t>(std::numeric_limits<int64_t>::max()))
    fail("a buffer's size overflows");
  return bytes;
}

/// Buffers that share bytes must have equally many.
void checkBufferSizes(const Program &program, const ShapePlan &plan, const DimEvaluator &value) {
  auto expect = [&](size_t b, size_t expected) {
    if (plan.bufferBytes[b] != expected)
      fail("buffer " + std::to_string(b) + " takes " + std::to_string(plan.bufferBytes[b]) +
           " bytes, expected " + std::to_string(expected));
  };
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    const Buffer &buffer = program.buffers[b];
    if (buffer.kind == Buffer::Kind::Alias)
      expect(b, plan.bufferBytes[buffer.root]);
    else if (buffer.kind == Buffer::Kind::Input)
      expect(b, bytesOf(program.inputs[buffer.index].type, value));
    else if (buffer.kind == Buffer::Kind::Constant)
      expect(b, bytesOf(program.constants[buffer.index], value));
  }
  for (const Step &step : program.steps)
    if (step.isCopy())
      expect(step.operands[1], plan.bufferBytes[step.operands[0]]);
}
} // namespace

size_t staticByteSize(const TensorType &type) {
  return bytesOf(type, [](ShapeInt extent) { return extent; });
}

ShapePlan makeShapePlan(const Program &program, InputShapes shapes, const DeviceLimits &limits) {
  DimEvaluator value(program, shapes);
  // Checks come first: their messages name the user's operation.
  checkRelations(program, value);
  checkSignature(program, shapes, value);

  ShapePlan plan;
  for (const Program::InputAxis &key : program.dynamicAxes)
    plan.key.push_back(shapes[key.input][key.axis]);
  for (const Buffer &buffer : program.buffers)
    plan.bufferBytes.push_back(bytesOf(buffer.type, value));
  checkBufferSizes(program, plan, value);
  for (size_t b = 0; b < plan.bufferBytes.size(); ++b)
    if (plan.bufferBytes[b] > limits.maxBufferBytes)
      fail("buffer " + std::to_string(b) + " takes " + std::to_string(plan.bufferBytes[b]) +
           " bytes, the device's buffers hold at most " + std::to_string(limits.maxBufferBytes));

  std::vector<size_t> sizes;
  sizes.reserve(program.temporaries.size());
  for (size_t b : program.temporaries)
    sizes.push_back(plan.bufferBytes[b]);
  plan.memory = planMemory(sizes, program.lifetimes, limits.alignment);

  for (const Step &step : program.steps) {
    for (ShapeInt size : step.sizes)
      plan.sizes.push_back(value(size));
    if (step.isOnce)
      continue;
    for (size_t b : step.operands)
      if (__builtin_add_overflow(plan.traffic, plan.bufferBytes[b], &plan.traffic))
        plan.traffic = std::numeric_limits<size_t>::max();
  }
  for (const Result &result : program.results) {
    std::vector<int64_t> shape;
    for (ShapeInt extent : program.buffers[result.buffer].type.shape)
      shape.push_back(value(extent));
    plan.resultShapes.push_back(std::move(shape));
  }
  return plan;
}

StagingPlan planStaging(const Program &program, const ShapePlan &plan, const DeviceLimits &limits) {
  StagingPlan staging;
  // An input that no buffer names is read by nothing: nothing is sent for it, nor for one that
  // was sent when the program was made ready.
  staging.inputBytes.resize(program.inputs.size());
  for (size_t b = 0; b < program.buffers.size(); ++b)
    if (program.buffers[b].kind == Buffer::Kind::Input &&
        !program.inputs[program.buffers[b].index].isFrozen)
      staging.inputBytes[program.buffers[b].index] = plan.bufferBytes[b];
  for (const Result &result : program.results)
    staging.resultBytes.push_back(plan.bufferBytes[result.buffer]);

  size_t total = 0;
  for (const std::vector<size_t> *sizes : {&staging.inputBytes, &staging.resultBytes})
    for (size_t bytes : *sizes)
      if (__builtin_add_overflow(total, alignUp(bytes + 1, limits.alignment), &total))
        fail("the sum of the arguments and results overflows");
  return staging;
}

} // namespace torsh::runtime
