// SPDX-License-Identifier: Apache-2.0
// The path of a call: match, else specialize and match again, then run.
#include "Dispatcher.h"

#include "ErrorClasses.h"
#include "NumPyArrays.h"
#include "Specialization.h"
#include "torshjit/Runtime/Error.h"

#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>

namespace torsh::python {
namespace {

struct Dispatcher {
  /// Shared with the calls in flight: another thread may change the list.
  std::vector<std::shared_ptr<const Specialization>> specializations;
};

PyObject *specializeName() {
  static PyObject *name = PyUnicode_InternFromString("_specialize");
  return name;
}

PyObject *callWithGradName() {
  static PyObject *name = PyUnicode_InternFromString("_call_with_grad");
  return name;
}

PyObject *callOtherwiseName() {
  static PyObject *name = PyUnicode_InternFromString("_call_otherwise");
  return name;
}

/// self.<method>(args, kwargs[, more]) with kwargs always a dict.
nb::object callMethod(PyObject *self, PyObject *method, PyObject *args, PyObject *kwargs,
                      PyObject *more = nullptr) {
  nb::object keywords = kwargs ? nb::borrow(kwargs) : nb::object(nb::dict());
  nb::object result =
      nb::steal(PyObject_CallMethodObjArgs(self, method, args, keywords.ptr(), more, nullptr));
  if (!result.is_valid())
    throw nb::python_error();
  return result;
}

/// The call's result by the first specialization that takes it.
std::optional<nb::object> callMatching(PyObject *self, Dispatcher &dispatcher, PyObject *args,
                                       PyObject *kwargs, Mismatch *why) {
  // By index: matching may run Python code that changes the list.
  for (size_t i = 0; i < dispatcher.specializations.size(); ++i) {
    std::shared_ptr<const Specialization> candidate = dispatcher.specializations[i];
    CallFrame frame(candidate->numLeaves(), candidate->numExtents());
    if (!candidate->match(args, kwargs, frame, why))
      continue;
    if (candidate->assumesMemory())
      if (const char *obstacle = candidate->memoryObstacle(frame))
        return callMethod(self, callOtherwiseName(), args, kwargs, nb::str(obstacle).ptr());
    if (candidate->needsGrad(frame))
      return callMethod(self, callWithGradName(), args, kwargs);
    return candidate->run(frame);
  }
  return std::nullopt;
}

nb::object dispatch(PyObject *self, PyObject *args, PyObject *kwargs) {
  if (!nb::inst_ready(self))
    throw nb::type_error("Dispatcher.__init__ has not been called");
  auto &dispatcher = *nb::inst_ptr<Dispatcher>(self);
  if (auto result = callMatching(self, dispatcher, args, kwargs, nullptr))
    return std::move(*result);

  nb::object answer = callMethod(self, specializeName(), args, kwargs);
  if (PyTuple_CheckExact(answer.ptr()) && PyTuple_GET_SIZE(answer.ptr()) == 1)
    return nb::borrow(PyTuple_GET_ITEM(answer.ptr(), 0));
  if (!answer.is_none())
    throw nb::type_error("_specialize must return None or a tuple of one");

  Mismatch why{runtime::ErrorKind::Program, "there is none"};
  if (auto result = callMatching(self, dispatcher, args, kwargs, &why))
    return std::move(*result);
  throw runtime::Error(why.kind, "no specialization takes these arguments: " + why.text);
}

PyObject *callSlot(PyObject *self, PyObject *args, PyObject *kwargs) {
  try {
    return dispatch(self, args, kwargs).release().ptr();
  } catch (...) {
    setPythonError();
    return nullptr;
  }
}

int traverseSlot(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self))
    return 0;
  // Shared ownership is only ever with calls in flight, which also hold the
  // dispatcher: so each reference is counted once.
  for (const auto &specialization : nb::inst_ptr<Dispatcher>(self)->specializations)
    if (int status = specialization->traverse(visit, arg))
      return status;
  return 0;
}

int clearSlot(PyObject *self) {
  if (nb::inst_ready(self)) {
    // Emptied before anything is destroyed: destructors run Python code.
    auto doomed = std::move(nb::inst_ptr<Dispatcher>(self)->specializations);
    nb::inst_ptr<Dispatcher>(self)->specializations.clear();
  }
  return 0;
}

PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void *>(callSlot)},
                       {Py_tp_traverse, reinterpret_cast<void *>(traverseSlot)},
                       {Py_tp_clear, reinterpret_cast<void *>(clearSlot)},
                       {0, nullptr}};

void addSpecialization(Dispatcher &self, nb::handle argsTree, nb::handle executable,
                       nb::handle bindings, nb::handle outputTree, nb::handle guards,
                       nb::handle attributeGuards, nb::handle stateGuards, bool gradSensitive,
                       const std::vector<size_t> &stridedInputs) {
  requireNumPy();
  self.specializations.push_back(std::make_shared<const Specialization>(
      argsTree, executable, bindings, outputTree, guards, attributeGuards, stateGuards,
      gradSensitive, stridedInputs));
}

void removeSpecialization(Dispatcher &self, size_t index) {
  if (index >= self.specializations.size())
    throw nb::index_error("no such specialization");
  auto doomed = self.specializations[index];
  self.specializations.erase(self.specializations.begin() + static_cast<std::ptrdiff_t>(index));
}
} // namespace

void bindDispatcher(nb::module_ &m) {
  nb::class_<Dispatcher>(m, "Dispatcher", nb::type_slots(slots),
                         "A callable that picks the first specialization its arguments fit.\n\n"
                         "A subclass defines _specialize(args, kwargs), called when none fits: it "
                         "adds one and returns None, or returns (value,), which the call then "
                         "returns; _call_with_grad(args, kwargs) if it adds grad-sensitive "
                         "ones; and _call_otherwise(args, kwargs, obstacle) if it adds ones "
                         "that write to their arguments or have strided inputs. When still none "
                         "fits, the registered error tells how the "
                         "arguments differ from the last one.")
      .def(nb::init<>())
      .def("add_specialization", addSpecialization, nb::arg("args_tree"), nb::arg("executable"),
           nb::arg("bindings"), nb::arg("output_tree"), nb::arg("guards") = nb::list(),
           nb::arg("attribute_guards") = nb::list(), nb::arg("state_guards") = nb::list(),
           nb::arg("grad_sensitive") = false, nb::arg("strided_inputs") = std::vector<size_t>(),
           "Appends a specialization; docs/Runtime.md gives the trees.\n\n"
           "bindings: per program input (\"arg\", leaf), (\"object\", array "
           "or tensor read at each call) or (\"constant\", array that does not change). guards: "
           "(dict, key, object) compared "
           "by identity. attribute_guards: (object, name, value) compared by "
           "equality. state_guards: other state, see docs/Runtime.md. strided_inputs: the places "
           "of inputs whose storage the program addresses "
           "by strides. Raises ValueError when the parts do not fit together.")
      .def("remove_specialization", removeSpecialization, nb::arg("index"))
      .def("clear_specializations",
           [](Dispatcher &self) {
             auto doomed = std::move(self.specializations);
             self.specializations.clear();
           })
      .def_prop_ro("num_specializations",
                   [](const Dispatcher &self) { return self.specializations.size(); });
}

} // namespace torsh::python
