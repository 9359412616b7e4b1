// SPDX-License-Identifier: Apache-2.0
// Whole-program checks and the lifetimes that memory planning needs.
#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/Program.h"

#include <algorithm>
#include <optional>

namespace torsh::runtime {
namespace {
using Kind = Buffer::Kind;

[[noreturn]] void fail(const std::string &what) {
  throw Error(ErrorKind::Program, "malformed program: " + what);
}

std::string describe(size_t buffer) { return "buffer " + std::to_string(buffer); }

void verifyBufferType(const Program &program, size_t b) {
  const Buffer &buffer = program.buffers[b];
  const TensorType *declared = nullptr;
  if (buffer.kind == Kind::Input)
    declared = &program.inputs[buffer.index].type;
  else if (buffer.kind == Kind::Constant)
    declared = &program.constants[buffer.index];
  // Extents may be written as different dims of equal value, so the plan
  // compares sizes; here only what is certainly wrong.
  if (declared &&
      (declared->dtype != buffer.type.dtype || declared->shape.size() != buffer.type.shape.size()))
    fail(describe(b) + ": dtype or rank differs from the declaration");
}

void resolveRoots(Program &program) {
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    Buffer &buffer = program.buffers[b];
    verifyBufferType(program, b);
    buffer.root = buffer.kind == Kind::Alias ? program.buffers[buffer.index].root : b;
  }
}

/// Follows the contents of the buffers through the steps.
class Flow {
public:
  explicit Flow(Program &program)
      : program(program), written(program.buffers.size()), lastUse(program.buffers.size()) {
    program.readByCalls.resize(program.buffers.size());
  }

  void read(size_t buffer, size_t step) {
    size_t root = program.buffers[buffer].root;
    if (isStorage(root) && !written[root])
      fail(describe(buffer) + ": read at step " + std::to_string(step) + " before it is written");
    lastUse[root] = step;
    if (!isOnce(step))
      program.readByCalls[root] = true;
    else if (!isFixed(root))
      fail(describe(buffer) + ": step " + std::to_string(step) +
           " is executed once, but reads what calls give or compute");
  }
  void write(size_t buffer, size_t step) {
    size_t root = program.buffers[buffer].root;
    if (!isStorage(root))
      fail(describe(buffer) + ": step " + std::to_string(step) + " writes an input or a constant");
    if (isOnce(step) && program.buffers[root].kind != Kind::Temporary)
      fail(describe(buffer) + ": step " + std::to_string(step) +
           " is executed once, but writes a result");
    if (written[root] && isOnce(*written[root]) != isOnce(step))
      fail(describe(buffer) + ": written once and by calls");
    if (!written[root])
      written[root] = step;
    lastUse[root] = step;
  }
  bool isWritten(size_t root) const { return written[root].has_value(); }

  void collectLifetimes() {
    for (size_t b = 0; b < program.buffers.size(); ++b) {
      if (program.buffers[b].kind != Kind::Temporary || !written[b])
        continue;
      if (!isOnce(*written[b])) {
        program.temporaries.push_back(b);
        program.lifetimes.push_back({*written[b], lastUse[b]});
      } else if (program.readByCalls[b]) {
        program.heldTemporaries.push_back(b);
      } else {
        program.onceTemporaries.push_back(b);
        program.onceLifetimes.push_back({*written[b], lastUse[b]});
      }
    }
  }

private:
  bool isOnce(size_t step) const {
    return step < program.steps.size() && program.steps[step].isOnce;
  }
  /// Whether the bytes of a buffer are there before any call.
  bool isFixed(size_t root) const {
    const Buffer &buffer = program.buffers[root];
    return buffer.kind == Kind::Constant ||
           (buffer.kind == Kind::Input && program.inputs[buffer.index].isFrozen) ||
           (written[root] && isOnce(*written[root]));
  }
  bool isStorage(size_t root) const {
    Kind kind = program.buffers[root].kind;
    return kind == Kind::Output || kind == Kind::Temporary;
  }
  Program &program;
  std::vector<std::optional<size_t>> written;
  std::vector<size_t> lastUse;
};

bool isStatic(const std::vector<ShapeInt> &extents) {
  return std::all_of(extents.begin(), extents.end(), [](ShapeInt e) { return e >= 0; });
}

void verifyOnce(const Program &program, size_t s) {
  const Step &step = program.steps[s];
  bool known = isStatic(step.sizes);
  for (size_t b : step.operands)
    known &= isStatic(program.buffers[b].type.shape);
  if (step.kind != Step::Kind::Kernel || !known)
    fail("step " + std::to_string(s) +
         " is executed once, but is no launch, or has extents of a call");
}

void verifyStep(const Program &program, size_t s, Flow &flow) {
  const Step &step = program.steps[s];
  if (step.isOnce)
    verifyOnce(program, s);
  if (step.kind == Step::Kind::Assert) {
    const TensorType &type = program.buffers[step.operands[0]].type;
    if (type.dtype != DataType::I1 || !type.shape.empty())
      fail("step " + std::to_string(s) + " asserts " + describe(step.operands[0]) +
           ", which is not an i1 of rank 0");
  }
  size_t numRead = step.operands.size() - step.outputs;
  for (size_t i = 0; i < numRead; ++i)
    flow.read(step.operands[i], s);
  for (size_t i = numRead; i < step.operands.size(); ++i) {
    flow.write(step.operands[i], s);
    // Kernels are compiled for operands that do not overlap.
    for (size_t j = 0; j < i; ++j)
      if (program.buffers[step.operands[j]].root == program.buffers[step.operands[i]].root)
        fail("step " + std::to_string(s) + " writes " + describe(step.operands[i]) +
             ", which another operand overlaps");
  }
}

void verifyResults(Program &program, Flow &flow) {
  std::vector<bool> claimed(program.buffers.size());
  for (Result &result : program.results) {
    size_t root = program.buffers[result.buffer].root;
    flow.read(result.buffer, program.steps.size());
    result.direct = program.buffers[root].kind == Kind::Output && !claimed[root];
    claimed[root] = true;
  }
  for (size_t b = 0; b < program.buffers.size(); ++b)
    if (program.buffers[b].kind == Kind::Output && !claimed[b])
      fail(describe(b) + ": an output that is not among the results");
}
} // namespace

bool Program::hasFrozenInputs() const {
  return std::any_of(inputs.begin(), inputs.end(),
                     [](const InputSpec &input) { return input.isFrozen; });
}

void verifyProgram(Program &program) {
  for (const InputSpec &input : program.inputs)
    if (input.isFrozen && !isStatic(input.type.shape))
      fail("input \"" + input.name + "\" is frozen, but has extents of a call");
  for (size_t i = 0; i < program.inputs.size(); ++i)
    for (size_t axis = 0; axis < program.inputs[i].type.shape.size(); ++axis)
      if (program.inputs[i].type.shape[axis] < 0)
        program.dynamicAxes.push_back({i, axis});
  resolveRoots(program);
  Flow flow(program);
  for (size_t s = 0; s < program.steps.size(); ++s)
    verifyStep(program, s, flow);
  verifyResults(program, flow);
  flow.collectLifetimes();
}

} // namespace torsh::runtime
