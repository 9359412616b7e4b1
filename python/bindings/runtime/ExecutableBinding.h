// SPDX-License-Identifier: Apache-2.0
// The Python class Executable.
#ifndef TORSHJIT_PYTHON_RUNTIME_EXECUTABLEBINDING_H
#define TORSHJIT_PYTHON_RUNTIME_EXECUTABLEBINDING_H

#include "torshjit/Runtime/Executable.h"

#include <nanobind/nanobind.h>

#include <memory>
#include <optional>
#include <string>

namespace torsh::python {

namespace nb = nanobind;

class PyExecutable {
public:
  PyExecutable(const std::string &program, nb::object kernels, std::optional<nb::bytes> binary,
               nb::list constants, nb::object keepAlive, nb::object functions);

  /// Gives the program its frozen inputs: for each input an array, or None.
  void freeze(nb::list arrays);

  /// Throws Error(Program) once the garbage collector has cleared it.
  runtime::Executable &get() const;

  int traverse(visitproc visit, void *arg) const;
  void clear();

private:
  // Destroyed in reverse: first what runs the code, then the code.
  nb::object keepAlive;
  /// What of `functions` the program calls.
  nb::list hostFunctions;
  /// The frozen inputs that calls read where they lie.
  nb::list frozen;
  std::unique_ptr<runtime::KernelLibrary> library;
  std::unique_ptr<runtime::Executable> executable;
};

void bindExecutable(nb::module_ &m);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_EXECUTABLEBINDING_H
