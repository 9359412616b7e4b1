// SPDX-License-Identifier: Apache-2.0
// JSON text to Program. Types and ranges of single fields are checked here,
// how fields relate to each other in ProgramVerifier.cpp.
#include "JsonField.h"
#include "torshjit/Runtime/Program.h"

#include <optional>
#include <unordered_map>
#include <utility>

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

/// Numbers names in the order of their first use.
class Names {
public:
  explicit Names(std::vector<std::string> &names) : names(names) {}
  size_t indexOf(const JsonField &field) {
    std::string name = field.text();
    if (name.empty())
      field.fail("empty name");
    auto [found, added] = indices.try_emplace(name, names.size());
    if (added)
      names.push_back(std::move(name));
    return found->second;
  }

private:
  std::vector<std::string> &names;
  std::unordered_map<std::string, size_t> indices;
};

Step::Kind parseStepKind(const Field &field) {
  static constexpr std::pair<const char *, Step::Kind> kKinds[] = {{"kernel", Step::Kind::Kernel},
                                                                   {"copy", Step::Kind::Copy},
                                                                   {"assert", Step::Kind::Assert},
                                                                   {"call", Step::Kind::Call}};
  std::optional<Step::Kind> kind;
  for (auto [name, candidate] : kKinds) {
    if (!field.has(name))
      continue;
    if (kind)
      field.fail("a step is one of kernel, copy, assert and call");
    kind = candidate;
  }
  if (!kind)
    field.fail("missing \"kernel\", \"copy\", \"assert\" or \"call\"");
  return *kind;
}

/// The user's line as Python writes it in a traceback.
std::string parsePlace(const Field &field) {
  if (!field.has("location"))
    return "";
  Field location = field["location"];
  if (location.size() != 2)
    location.fail("expected a file and a line");
  return "\n  File \"" + location[0].text() + "\", line " + std::to_string(location[1].integer());
}

Step parseStep(const Field &field, const Program &program, Names &kernels, Names &functions) {
  Step step;
  step.kind = parseStepKind(field);
  if (step.kind == Step::Kind::Assert) {
    step.operands.push_back(field["assert"].index(program.buffers.size()));
    step.outputs = 0;
    step.text = field["message"].text();
    step.place = parsePlace(field);
    return step;
  }
  Field operands = field[step.isCopy() ? "copy" : "operands"];
  for (size_t i = 0, e = operands.size(); i < e; ++i)
    step.operands.push_back(operands[i].index(program.buffers.size()));
  if (step.isCopy()) {
    if (step.operands.size() != 2)
      operands.fail("a copy takes a source and a destination");
    return step;
  }
  step.outputs = field["outputs"].index(step.operands.size() + 1);
  step.isOnce = field.has("once") && field["once"].boolean();
  if (step.kind == Step::Kind::Kernel) {
    step.index = kernels.indexOf(field["kernel"]);
    step.sizes = parseShape(field["sizes"], program.dims.size());
    return step;
  }
  step.index = functions.indexOf(field["call"]);
  step.text = program.hostFunctions[step.index];
  step.place = parsePlace(field);
  for (size_t operand : step.operands) {
    const std::vector<ShapeInt> &shape = program.buffers[operand].type.shape;
    step.sizes.insert(step.sizes.end(), shape.begin(), shape.end());
  }
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
    program.inputs.push_back({inputs[i]["name"].text(), parseType(inputs[i], dims.size()),
                              inputs[i].has("frozen") && inputs[i]["frozen"].boolean()});
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
  Names kernels(program.kernels), functions(program.hostFunctions);
  for (size_t i = 0, e = steps.size(); i < e; ++i)
    program.steps.push_back(parseStep(steps[i], program, kernels, functions));
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
