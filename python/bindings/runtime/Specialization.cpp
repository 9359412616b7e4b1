// SPDX-License-Identifier: Apache-2.0
// Matching and running one specialization.
#include "Specialization.h"

#include "MemoryAssumptions.h"
#include "NumPyArrays.h"
#include "TorchTensors.h"
#include "torshjit/Runtime/Error.h"

#include <nanobind/stl/string.h>

namespace torsh::python {
namespace {
using runtime::TensorType;

/// Of an input that no call gives.
constexpr size_t kNoLeaf = SIZE_MAX;

[[noreturn]] void fail(const std::string &text) {
  throw nb::value_error(("add_specialization: " + text).c_str());
}

PyExecutable &keepExecutable(nb::handle executable, References &references) {
  auto &result = nb::cast<PyExecutable &>(executable);
  references.keep(executable);
  return result;
}

/// Kernels trust the signature, so what a leaf admits must lie within it.
void checkCompatible(const TensorSpec &spec, const runtime::InputSpec &input) {
  const TensorType &type = input.type;
  if (spec.dtype != type.dtype || spec.shape.size() != type.shape.size())
    fail("input \"" + input.name + "\" differs in dtype or rank from " + spec.path);
  for (size_t i = 0; i < spec.shape.size(); ++i)
    if (type.shape[i] >= 0 && spec.shape[i] != type.shape[i])
      fail("input \"" + input.name + "\" has extent " + std::to_string(type.shape[i]) +
           " along axis " + std::to_string(i) + ", which " + spec.path + " does not ensure");
}
} // namespace

Specialization::Specialization(nb::handle argsTree, nb::handle executableHandle,
                               nb::handle bindings, nb::handle outputTree,
                               nb::handle identityGuards, nb::handle attributeGuards,
                               nb::handle stateGuards, bool gradSensitive,
                               const std::vector<size_t> &stridedInputs)
    : executable(keepExecutable(executableHandle, references)), arguments(argsTree, references),
      outputs(outputTree, executable.get().program(), arguments.numLeaves(), references),
      totalExtents(arguments.numExtents()), strided(stridedInputs),
      guards(identityGuards, attributeGuards, stateGuards, references),
      gradSensitive(gradSensitive) {
  device = executable.get().targetDevice().tensorDevice();
  arguments.acceptDevice(device);
  parseBindings(bindings);
  parseWrites();
}

void Specialization::parseBindings(nb::handle list) {
  const runtime::Program &program = executable.get().program();
  if (nb::len(list) != program.inputs.size())
    fail("the program has " + std::to_string(program.inputs.size()) + " inputs, got " +
         std::to_string(nb::len(list)) + " bindings");
  // Specs are pointed to below.
  bound.reserve(program.inputs.size());
  size_t position = 0;
  for (nb::handle handle : list) {
    const runtime::InputSpec &input = program.inputs[position++];
    auto pair = nb::cast<nb::tuple>(handle);
    auto kind = pair.size() == 2 ? nb::cast<std::string>(pair[0]) : "";
    if (kind == "arg") {
      auto leaf = nb::cast<int64_t>(pair[1]);
      if (leaf < 0 || static_cast<size_t>(leaf) >= arguments.numLeaves() ||
          !arguments.tensor(static_cast<size_t>(leaf)))
        fail("input \"" + input.name + "\": argument leaf " + std::to_string(leaf) +
             " is no array");
      inputs.push_back({static_cast<size_t>(leaf), arguments.tensor(static_cast<size_t>(leaf))});
    } else if (kind == "object" || kind == "constant") {
      inputs.push_back({arguments.numLeaves() + bound.size(), nullptr});
      bound.push_back(bind(pair[1], input, kind == "constant"));
      inputs.back().spec = &bound.back().spec;
    } else if (kind == "frozen") {
      // The executable has it already; kept for those who ask what the program was bound to.
      inputs.push_back({kNoLeaf, nullptr, input.type.shape.data()});
    } else {
      fail("a binding is (\"arg\", leaf), (\"object\", object), (\"constant\", array) or "
           "(\"frozen\", array)");
    }
    if (input.isFrozen != (kind == "frozen"))
      fail("input \"" + input.name + "\" is " + (input.isFrozen ? "" : "not ") +
           "frozen in the program");
    if (kind == "frozen")
      continue;
    checkCompatible(*inputs.back().spec, input);
  }
}

Specialization::BoundObject Specialization::bind(nb::handle handle, const runtime::InputSpec &input,
                                                 bool isConstant) {
  BoundObject object;
  object.object = references.keep(handle);
  TensorSpec &spec = object.spec;
  spec.path = "bound object for input \"" + input.name + "\"";
  spec.dtype = input.type.dtype;
  spec.shape = input.type.shape;
  spec.shapeOffset = totalExtents;
  totalExtents += spec.shape.size();
  if (isTensor(object.object) && !isConstant)
    spec.source = TensorSource::Torch;
  else if (!isArray(object.object))
    fail(spec.path + " is neither an array nor a tensor");

  runtime::Device &target = executable.get().targetDevice();
  if (!isConstant || target.isHostMemory()) {
    spec.device = device;
    return object;
  }
  // Sent once. It goes with arguments anywhere, so that the spec knows no device.
  CallFrame frame(1, totalExtents);
  LeafView &leaf = frame.leaves[0];
  Mismatch why;
  if (!matchTensor(spec, object.object, leaf, frame, &why))
    throw runtime::Error(why.kind, why.text);
  size_t bytes = runtime::byteSize(spec.dtype);
  for (size_t axis = 0; axis < spec.shape.size(); ++axis)
    bytes *= static_cast<size_t>(leaf.shape[axis]);
  object.copy = runtime::DeviceMemory(target, bytes ? bytes : 1);
  if (bytes)
    target.upload(object.copy.data(), tensorMemory(spec, leaf, frame), bytes);
  return object;
}

void Specialization::parseWrites() {
  for (size_t leaf : outputs.writtenLeaves())
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].leaf == leaf)
        written.push_back(i);
  for (PyObject *object : outputs.writtenObjects())
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].spec && inputs[i].leaf >= arguments.numLeaves() &&
          bound[inputs[i].leaf - arguments.numLeaves()].object == object)
        written.push_back(i);
  if (written.size() != outputs.writtenLeaves().size() + outputs.writtenObjects().size())
    fail("what is written is not an input, or is several");
  for (size_t place : strided)
    if (place >= inputs.size())
      fail("there is no input " + std::to_string(place));
  for (const InputBinding &input : inputs)
    if (assumesMemory() && input.spec && input.spec->source != TensorSource::Torch)
      fail("a program that writes, or is strided, takes tensors of torch only");
}

bool Specialization::match(PyObject *args, PyObject *kwargs, CallFrame &frame,
                           Mismatch *why) const {
  if (!arguments.match(args, kwargs, frame, why) || !guards.hold(why))
    return false;
  for (size_t i = 0; i < bound.size(); ++i) {
    LeafView &leaf = frame.leaves[arguments.numLeaves() + i];
    if (!matchTensor(bound[i].spec, bound[i].object, leaf, frame, why))
      return false;
    if (bound[i].copy.data()) {
      leaf.data = bound[i].copy.data();
      leaf.onDevice = true;
    }
  }
  return true;
}

bool Specialization::needsGrad(CallFrame &frame) const {
  if (!gradSensitive || !isGradEnabled())
    return false;
  for (const InputBinding &input : inputs)
    if (input.spec && input.spec->source == TensorSource::Torch &&
        requiresGrad(frame.leaves[input.leaf].object))
      return true;
  return false;
}

const char *Specialization::memoryObstacle(CallFrame &frame) const {
  std::vector<PyObject *> tensors;
  tensors.reserve(inputs.size());
  for (const InputBinding &input : inputs)
    tensors.push_back(input.spec ? frame.leaves[input.leaf].object : nullptr);
  return findMemoryObstacle(tensors, written, strided);
}

nb::object Specialization::run(CallFrame &frame) const {
  InlineArray<const int64_t *, 12> shapes(inputs.size());
  InlineArray<void *, 12> pointers(inputs.size());
  InlineArray<runtime::Place, 12> places(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].spec) {
      shapes[i] = inputs[i].shape;
      continue;
    }
    LeafView &leaf = frame.leaves[inputs[i].leaf];
    pointers[i] = tensorMemory(*inputs[i].spec, leaf, frame);
    places[i] = leaf.onDevice ? runtime::Place::Device : runtime::Place::Host;
    shapes[i] = leaf.shape;
  }
  return outputs.build(execute(executable.get(), {shapes.data(), pointers.data(), places.data()},
                               outputs.kinds(), frame),
                       frame);
}

} // namespace torsh::python
