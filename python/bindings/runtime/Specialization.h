// SPDX-License-Identifier: Apache-2.0
// One way to answer a call: what it must look like, and the executable for it.
#ifndef TORSHJIT_PYTHON_RUNTIME_SPECIALIZATION_H
#define TORSHJIT_PYTHON_RUNTIME_SPECIALIZATION_H

#include "ArgumentTree.h"
#include "ExecutableBinding.h"
#include "OutputTree.h"
#include "StateGuards.h"

#include <nanobind/nanobind.h>

#include <vector>

namespace torsh::python {

class Specialization {
public:
  /// Throws nb::value_error when the parts do not fit together.
  Specialization(nb::handle argsTree, nb::handle executable, nb::handle bindings,
                 nb::handle outputTree, nb::handle identityGuards, nb::handle attributeGuards,
                 nb::handle stateGuards, bool gradSensitive,
                 const std::vector<size_t> &stridedInputs);

  /// The number of leaves and extents a CallFrame for it needs.
  size_t numLeaves() const { return arguments.numLeaves() + bound.size(); }
  size_t numExtents() const { return totalExtents; }

  /// Whether arguments, bound objects and guards are as recorded.
  bool match(PyObject *args, PyObject *kwargs, CallFrame &frame, Mismatch *why) const;
  /// Whether a matched call must be differentiable.
  bool needsGrad(CallFrame &frame) const;
  /// Whether it matters to the program how the caller's tensors lie in memory.
  bool assumesMemory() const { return !strided.empty() || !written.empty(); }
  /// Why, for a program to which it matters, a matched call must not run; null if it may.
  const char *memoryObstacle(CallFrame &frame) const;
  /// Runs a matched call.
  nb::object run(CallFrame &frame) const;

  int traverse(visitproc visit, void *arg) const { return references.traverse(visit, arg); }

private:
  /// A leaf of the arguments, or behind them a bound object.
  struct InputBinding {
    size_t leaf;
    const TensorSpec *spec; ///< null for a frozen input, which has no leaf
    const int64_t *shape = nullptr;
  };
  struct BoundObject {
    PyObject *object;
    TensorSpec spec;
    /// The contents, where they do not change and lie on a device without the host's memory.
    runtime::DeviceMemory copy;
  };
  void parseBindings(nb::handle list);
  BoundObject bind(nb::handle object, const runtime::InputSpec &input, bool isConstant);
  void parseWrites();

  References references;
  PyExecutable &executable; ///< kept alive by references
  ArgumentTree arguments;
  OutputTree outputs;
  size_t totalExtents = 0;
  std::optional<runtime::TensorDevice> device; ///< the program's, if tensors can lie there
  std::vector<BoundObject> bound;
  std::vector<InputBinding> inputs;
  std::vector<size_t> written; ///< which of the inputs
  std::vector<size_t> strided; ///< likewise, those whose storage is addressed by strides
  StateGuards guards;
  bool gradSensitive;
};

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_SPECIALIZATION_H
