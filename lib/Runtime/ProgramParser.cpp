// SPDX-License-Identifier: Apache-2.0
// JSON text to Program. Types and ranges of single fields are checked here,
// how fields relate to each other in ProgramVerifier.cpp.
#include "JsonField.h"
#include "torshjit/Runtime/Program.h"

#include <unordered_map>

namespace torsh::runtime {
namespace {
using Field = JsonField;

ShapeInt parseShapeInt(const Field &field, size_t numDims) {
  ShapeInt extent = field.integer();
  if (extent < 0 && dimIndex(extent) >= numDims)
    field.fail("no dim " + std::to_string(dimIndex(extent)));
  return extent;
}

std::vector<ShapeInt> parseShape(const Field &field, size_t numDims) {
  std::vector<ShapeInt> shape;
  for (size_t i = 0, e = field.size(); i < e; ++i)
    shape.push_back(parseShapeInt(field[i], numDims));
  return shape;
}

TensorType parseType(const Field &field, size_t numDims) {
  TensorType type;
  type.dtype = field["dtype"].dtype();
  type.shape = parseShape(field["shape"], numDims);
  if (type.shape.size() > kMaxRank)
    field["shape"].fail("rank above " + std::to_string(kMaxRank));
  return type;
}

DimExpr parseDim(const Field &field, size_t position, const std::vector<InputSpec> &inputs) {
  using Op = DimExpr::Op;
  static const std::unordered_map<std::string, Op> binary = {
      {"add", Op::Add},         {"sub", Op::Sub}, {"mul", Op::Mul}, {"floordiv", Op::FloorDiv},
      {"ceildiv", Op::CeilDiv}, {"mod", Op::Mod}, {"min", Op::Min}, {"max", Op::Max}};
  std::string op = field["op"].text();
  DimExpr dim;
  if (op == "input") {
    dim.op = Op::Input;
    size_t input = field["input"].index(inputs.size());
    dim.lhs = static_cast<int64_t>(input);
    dim.rhs = static_cast<int64_t>(field["axis"].index(inputs[input].type.shape.size()));
  } else if (op == "const") {
    dim.op = Op::Const;
    dim.lhs = field["value"].integer();
  } else if (auto found = binary.find(op); found != binary.end()) {
    dim.op = found->second;
    dim.lhs = static_cast<int64_t>(field["lhs"].index(position));
    dim.rhs = static_cast<int64_t>(field["rhs"].index(position));
  } else {
    field["op"].fail("unknown op \"" + op + "\"");
  }
  return dim;
}

Check parseCheck(const Field &field, size_t numDims) {
  Check check;
  std::string relation = field["relation"].text();
  if (relation == "eq")
    check.relation = Check::Relation::Equal;
  else if (relation == "ge")
    check.relation = Check::Relation::GreaterEqual;
  else
    field["relation"].fail("unknown relation \"" + relation + "\"");
  check.lhs = parseShapeInt(field["lhs"], numDims);
  check.rhs = parseShapeInt(field["rhs"], numDims);
  check.message = field["message"].text();
  return check;
}

Buffer parseBuffer(const Field &field, size_t position, const Program &program) {
  using Kind = Buffer::Kind;
  Buffer buffer;
  std::string kind = field["kind"].text();
  if (kind == "input") {
    buffer.kind = Kind::Input;
    buffer.index = field["index"].index(program.inputs.size());
  } else if (kind == "constant") {
    buffer.kind = Kind::Constant;
    buffer.index = field["index"].index(program.constants.size());
  } else if (kind == "output") {
    buffer.kind = Kind::Output;
  } else if (kind == "temporary") {
    buffer.kind = Kind::Temporary;
  } else if (kind == "alias") {
    // Only earlier buffers: so chains of aliases cannot be cyclic.
    buffer.kind = Kind::Alias;
    buffer.index = field["of"].index(position);
  } else {
    field["kind"].fail("unknown kind \"" + kind + "\"");
  }
  buffer.type = parseType(field, program.dims.size());
  return buffer;
}

class KernelNames {
public:
  explicit KernelNames(std::vector<std::string> &names) : names(names) {}
  size_t indexOf(std::string name) {
    auto [found, added] = indices.try_emplace(name, names.size());
    if (added)
      names.push_back(std::move(name));
    return found->second;
  }

private:
  std::vector<std::string> &names;
  std::unordered_map<std::string, size_t> indices;
};

Step parseStep(const Field &field, const Program &program, KernelNames &kernels) {
  Step step;
  bool isCopy = field.has("copy");
  if (isCopy && field.has("kernel"))
    field.fail("a step is a kernel or a copy, not both");
  Field operands = isCopy ? field["copy"] : field["operands"];
  for (size_t i = 0, e = operands.size(); i < e; ++i)
    step.operands.push_back(operands[i].index(program.buffers.size()));
  if (isCopy) {
    if (step.operands.size() != 2)
      operands.fail("a copy takes a source and a destination");
    return step;
  }
  std::string kernel = field["kernel"].text();
  if (kernel.empty())
    field["kernel"].fail("empty name");
  step.kernel = kernels.indexOf(std::move(kernel));
  step.outputs = field["outputs"].index(step.operands.size() + 1);
  step.sizes = parseShape(field["sizes"], program.dims.size());
  return step;
}

Program parseProgram(const Field &root) {
  Program program;
  Field version = root["version"];
  if (version.integer() != kProgramVersion)
    version.fail("this runtime reads version " + std::to_string(kProgramVersion) + ", not " +
                 std::to_string(version.integer()));
  program.target = root["target"].text();

  // Dims and inputs name each other: the number of dims bounds the extents of
  // the inputs, whose ranks bound the axes of the dims.
  Field dims = root["dims"];
  Field inputs = root["inputs"];
  for (size_t i = 0, e = inputs.size(); i < e; ++i)
    program.inputs.push_back({inputs[i]["name"].text(), parseType(inputs[i], dims.size())});
  for (size_t i = 0, e = dims.size(); i < e; ++i)
    program.dims.push_back(parseDim(dims[i], i, program.inputs));

  Field checks = root["checks"];
  for (size_t i = 0, e = checks.size(); i < e; ++i)
    program.checks.push_back(parseCheck(checks[i], program.dims.size()));
  Field constants = root["constants"];
  for (size_t i = 0, e = constants.size(); i < e; ++i)
    program.constants.push_back(parseType(constants[i], 0));
  Field buffers = root["buffers"];
  for (size_t i = 0, e = buffers.size(); i < e; ++i)
    program.buffers.push_back(parseBuffer(buffers[i], i, program));
  Field steps = root["steps"];
  KernelNames kernels(program.kernels);
  for (size_t i = 0, e = steps.size(); i < e; ++i)
    program.steps.push_back(parseStep(steps[i], program, kernels));
  Field results = root["results"];
  for (size_t i = 0, e = results.size(); i < e; ++i)
    program.results.push_back({results[i].index(program.buffers.size()), false});
  return program;
}
} // namespace

Program Program::parse(std::string_view json) {
  JsonField::Json parsed = JsonField::parse(json, "program");
  Program program = parseProgram(Field(parsed, "program", "program"));
  verifyProgram(program);
  return program;
}

} // namespace torsh::runtime
