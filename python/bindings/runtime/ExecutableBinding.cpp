// SPDX-License-Identifier: Apache-2.0
// Construction from Python, the simple call and the statistics.
#include "ExecutableBinding.h"

#include "DLPack.h"
#include "Execution.h"
#include "HostFunctions.h"
#include "NumPyArrays.h"
#include "TensorLeaf.h"
#include "TorchTensors.h"
#include "torshjit/Runtime/Error.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace torsh::python {
namespace {
using runtime::Error;
using runtime::ErrorKind;
using runtime::Executable;
using runtime::KernelHandle;
using runtime::Program;

/// The constants' bytes; `holders` owns copies of those kernels cannot read.
Executable::ConstantBytes constantBytes(const Program &program, const nb::list &constants,
                                        std::vector<nb::object> &holders) {
  Executable::ConstantBytes bytes;
  size_t position = 0;
  for (nb::handle constant : constants) {
    std::string label = "constant " + std::to_string(position);
    if (!isArray(constant.ptr()))
      throw nb::type_error((label + ": expected a NumPy array").c_str());
    ArrayView view = viewArray(constant.ptr());
    if (position < program.constants.size()) {
      const runtime::TensorType &type = program.constants[position];
      if (view.dtype != type.dtype)
        throw Error(ErrorKind::DType, label + ": the program expects " +
                                          std::string(runtime::name(type.dtype)) + ", got a " +
                                          describeArray(constant.ptr()));
      if (std::vector<int64_t>(view.shape, view.shape + view.rank) != type.shape)
        throw Error(ErrorKind::Shape, label + ": the program expects another shape, got a " +
                                          describeArray(constant.ptr()));
    }
    ++position;
    holders.push_back(view.direct ? nb::borrow(constant) : directCopy(constant.ptr()));
    view = viewArray(holders.back().ptr());
    size_t size = view.dtype ? runtime::byteSize(*view.dtype) : 0;
    for (int axis = 0; axis < view.rank; ++axis)
      size *= static_cast<size_t>(view.shape[axis]);
    bytes.emplace_back(view.data, size);
  }
  return bytes;
}

/// Whether calls, and not only what is executed once, read an input; by input, false for those
/// that are not frozen.
std::vector<bool> heldInputs(PyExecutable &self) {
  const Executable &executable = self.get();
  std::vector<bool> held;
  for (size_t i = 0; i < executable.program().inputs.size(); ++i)
    held.push_back(executable.program().inputs[i].isFrozen && executable.readByCalls(i));
  return held;
}

nb::list runOnArrays(PyExecutable &self, const nb::sequence &arguments, const std::string &kind) {
  Executable &executable = self.get();
  const Program &program = executable.program();
  size_t count = program.inputs.size();
  if (nb::len(arguments) != count)
    throw Error(ErrorKind::Program, "the program takes " + std::to_string(count) + " inputs, got " +
                                        std::to_string(nb::len(arguments)));
  std::vector<TensorSpec> specs(count);
  size_t extents = 0;
  for (size_t i = 0; i < count; ++i) {
    const runtime::TensorType &type = program.inputs[i].type;
    specs[i].dtype = type.dtype;
    specs[i].shape = type.shape;
    specs[i].path = "input \"" + program.inputs[i].name + "\"";
    specs[i].shapeOffset = extents;
    specs[i].device = executable.targetDevice().tensorDevice();
    extents += type.shape.size();
  }
  CallFrame frame(count, extents);
  std::vector<const int64_t *> shapes(count);
  std::vector<void *> inputs(count);
  std::vector<runtime::Place> places(count);
  if (!executable.isPrepared())
    throw Error(ErrorKind::Program, "the program's frozen inputs have not been given");
  for (size_t i = 0; i < count; ++i) {
    if (program.inputs[i].isFrozen) {
      shapes[i] = program.inputs[i].type.shape.data();
      continue;
    }
    nb::object argument = arguments[i];
    if (isTensor(argument.ptr()))
      specs[i].source = TensorSource::Torch;
    else if (isScalar(argument.ptr()))
      specs[i].source = TensorSource::Scalar;
    else if (!isArray(argument.ptr()) && isDLPackProducer(argument.ptr()))
      specs[i].source = TensorSource::DLPack;
    Mismatch why;
    LeafView &leaf = frame.leaves[i];
    if (!matchTensor(specs[i], argument.ptr(), leaf, frame, &why))
      throw Error(why.kind, why.text);
    inputs[i] = tensorMemory(specs[i], leaf, frame);
    places[i] = leaf.onDevice ? runtime::Place::Device : runtime::Place::Host;
    shapes[i] = leaf.shape;
  }
  std::vector<ResultKind> kinds(program.results.size(), parseResultKind(kind));
  for (const runtime::Result &result : program.results)
    if (kinds.front() == ResultKind::Scalar && !program.buffers[result.buffer].type.shape.empty())
      throw nb::value_error("results=\"scalar\": a result's rank is not 0");
  nb::list list;
  for (nb::object &result :
       execute(executable, {shapes.data(), inputs.data(), places.data()}, kinds, frame))
    list.append(std::move(result));
  return list;
}

nb::dict statistics(PyExecutable &self) {
  runtime::ExecutableStatistics stats = self.get().statistics();
  nb::dict result;
  result["calls"] = stats.calls;
  result["total_time_us"] = static_cast<double>(stats.nanoseconds) / 1000;
  result["peak_bytes"] = stats.peakBytes;
  result["naive_peak_bytes"] = stats.naivePeakBytes;
  result["arena_bytes"] = stats.arenaBytes;
  result["shape_plans"] = stats.plans;
  result["constant_bytes"] = stats.constantBytes;
  result["once_launches"] = stats.onceLaunches;
  result["once_us"] = static_cast<double>(stats.onceNanoseconds) / 1000;
  nb::dict kernels;
  const auto &profile = self.get().profile();
  for (size_t i = 0; i < profile.size(); ++i)
    if (uint64_t calls = profile[i].calls.load()) {
      nb::dict row;
      row["calls"] = calls;
      row["ns"] = profile[i].nanoseconds.load();
      kernels[self.get().program().kernels[i].c_str()] = row;
    }
  result["kernels"] = kernels;
  return result;
}

nb::tuple signature(PyExecutable &self) {
  nb::list rows;
  for (const runtime::InputSpec &input : self.get().program().inputs) {
    nb::list shape;
    for (int64_t extent : input.type.shape)
      shape.append(extent);
    rows.append(
        nb::make_tuple(input.name, std::string(runtime::name(input.type.dtype)), nb::tuple(shape)));
  }
  return nb::tuple(rows);
}

int traverseSlot(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  if (nb::inst_ready(self))
    return nb::inst_ptr<PyExecutable>(self)->traverse(visit, arg);
  return 0;
}

int clearSlot(PyObject *self) {
  if (nb::inst_ready(self))
    nb::inst_ptr<PyExecutable>(self)->clear();
  return 0;
}

PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void *>(traverseSlot)},
                       {Py_tp_clear, reinterpret_cast<void *>(clearSlot)},
                       {0, nullptr}};
} // namespace

PyExecutable::PyExecutable(const std::string &text, nb::object kernels,
                           std::optional<nb::bytes> binary, nb::list constants,
                           nb::object keepAlive, nb::object functions)
    : keepAlive(std::move(keepAlive)) {
  requireNumPy();
  Program program = Program::parse(text);
  if (binary && binary->size())
    library = runtime::findDevice(program.target).load({binary->c_str(), binary->size()});
  auto resolve = [&](const std::string &name) -> KernelHandle {
    if (!kernels.is_none() && kernels.attr("__contains__")(name).ptr() == Py_True)
      return nb::cast<KernelHandle>(kernels[name.c_str()]);
    if (library)
      return library->find(name);
    throw Error(ErrorKind::Program, "no address for kernel \"" + name + "\"");
  };
  auto resolveHost = [&](const std::string &name) -> runtime::HostFunction {
    if (functions.is_none() || nb::object(functions.attr("__contains__")(name)).ptr() != Py_True)
      return nullptr;
    nb::object entry = functions[name.c_str()];
    hostFunctions.append(entry);
    return hostFunctionOf(entry);
  };
  std::vector<nb::object> holders;
  Executable::ConstantBytes bytes = constantBytes(program, constants, holders);
  executable = std::make_unique<Executable>(std::move(program), resolve, bytes, resolveHost);
  if (!executable->program().hasFrozenInputs()) {
    nb::gil_scoped_release release;
    executable->prepare(nullptr);
  }
}

void PyExecutable::freeze(nb::list arrays) {
  if (get().isPrepared())
    throw Error(ErrorKind::Program, "the frozen inputs have been given already, or there are none");
  const Program &program = executable->program();
  if (nb::len(arrays) != program.inputs.size())
    throw Error(ErrorKind::Program, "freeze takes an array or None for each of the program's " +
                                        std::to_string(program.inputs.size()) + " inputs, got " +
                                        std::to_string(nb::len(arrays)));
  std::vector<const void *> pointers(program.inputs.size());
  nb::list kept;
  std::vector<nb::object> copies;
  for (size_t i = 0; i < pointers.size(); ++i) {
    const runtime::InputSpec &input = program.inputs[i];
    if (!input.isFrozen)
      continue;
    std::string label = "frozen input \"" + input.name + "\"";
    nb::object array = arrays[i];
    if (!isArray(array.ptr()))
      throw nb::type_error((label + ": expected a NumPy array").c_str());
    ArrayView view = viewArray(array.ptr());
    if (view.dtype != input.type.dtype)
      throw Error(ErrorKind::DType, label + ": the program expects " +
                                        std::string(runtime::name(input.type.dtype)) + ", got a " +
                                        describeArray(array.ptr()));
    if (std::vector<int64_t>(view.shape, view.shape + view.rank) != input.type.shape)
      throw Error(ErrorKind::Shape, label + ": the program expects another shape, got a " +
                                        describeArray(array.ptr()));
    bool isHeld = executable->readByCalls(i) && executable->isHostMemory();
    if (!view.direct) {
      array = directCopy(array.ptr());
      view = viewArray(array.ptr());
    }
    pointers[i] = view.data;
    if (isHeld)
      kept.append(array);
    else
      copies.push_back(array);
  }
  {
    nb::gil_scoped_release release;
    executable->prepare(pointers.data());
  }
  frozen = kept;
}

Executable &PyExecutable::get() const {
  if (!executable)
    throw Error(ErrorKind::Program, "the executable has been destroyed");
  return *executable;
}

int PyExecutable::traverse(visitproc visit, void *arg) const {
  Py_VISIT(keepAlive.ptr());
  Py_VISIT(hostFunctions.ptr());
  Py_VISIT(frozen.ptr());
  return 0;
}

void PyExecutable::clear() {
  // What keepAlive owns is the code, and the program calls the functions: without
  // them nothing may run.
  if (keepAlive.is_none() && nb::len(hostFunctions) == 0)
    return;
  executable.reset();
  library.reset();
  keepAlive = nb::none();
  hostFunctions = nb::list();
  frozen = nb::list();
}

void bindExecutable(nb::module_ &m) {
  nb::class_<PyExecutable>(
      m, "Executable", nb::type_slots(slots),
      "A compiled program, ready to run from any thread.\n\n"
      "program: the host program as JSON (docs/Runtime.md). kernels: addresses "
      "by name. binary: what the device of the program's target loads the "
      "kernels not in `kernels` from, a shared object on the CPU. constants: NumPy arrays, copied. "
      "keep_alive: what owns "
      "the code at the addresses. host_functions: what the program calls between kernels, by "
      "name: a callable that takes read-only NumPy arrays and returns an array or a tuple of "
      "them (copies, unless its attribute takes_views is true: then they are valid during the "
      "call only), or the address of a C function (HostFunctionABI.h). A malformed program, a "
      "missing kernel or a "
      "library that does not load raise the registered program error.")
      .def(nb::init<const std::string &, nb::object, std::optional<nb::bytes>, nb::list, nb::object,
                    nb::object>(),
           nb::arg("program"), nb::arg("kernels") = nb::none(), nb::arg("binary") = nb::none(),
           nb::arg("constants") = nb::list(), nb::arg("keep_alive") = nb::none(),
           nb::arg("host_functions") = nb::none())
      .def("freeze", &PyExecutable::freeze, nb::arg("arrays"),
           "Gives the program its frozen inputs, and runs what runs once. arrays: for each input "
           "a NumPy array, or None where it is not frozen. Those of `held_inputs` must not change "
           "any more, if the device reads the host's memory. To be called once, before any call.")
      .def_prop_ro("held_inputs", heldInputs,
                   "For each input whether it is frozen and calls read it; frozen ones that only "
                   "`freeze` reads are False.")
      .def_prop_ro(
          "is_host_memory", [](PyExecutable &self) { return self.get().isHostMemory(); },
          "Whether its device reads the host's memory.")
      .def("run", runOnArrays, nb::arg("inputs"), nb::arg("results") = "numpy",
           "Runs once on NumPy arrays, NumPy scalars or torch tensors, in the "
           "order of the signature; returns a list of new arrays (results: "
           "\"numpy\" or \"torch\"). Wrong dtypes, shapes or devices raise the "
           "registered errors.")
      .def_prop_ro("signature", signature,
                   "(name, dtype, shape) of each input; negative extents are "
                   "dynamic.")
      .def("stats", statistics,
           "calls, total_time_us, peak_bytes and naive_peak_bytes (largest "
           "arena, with and without reuse), arena_bytes (held now), "
           "shape_plans, kernels (calls and ns by name, while profiling).")
      .def("reset_stats", [](PyExecutable &self) { self.get().resetStatistics(); })
      .def(
          "set_profiling",
          [](PyExecutable &self, bool enabled) { self.get().setProfiling(enabled); },
          nb::arg("enabled"), "Whether to time each kernel.");
}

} // namespace torsh::python
