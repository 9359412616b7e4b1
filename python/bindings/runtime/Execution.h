// SPDX-License-Identifier: Apache-2.0
// Runs an executable and wraps its results in Python objects.
#ifndef TORSHJIT_PYTHON_RUNTIME_EXECUTION_H
#define TORSHJIT_PYTHON_RUNTIME_EXECUTION_H

#include "TensorLeaf.h"
#include "torshjit/Runtime/Executable.h"

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

namespace torsh::python {

namespace nb = nanobind;

enum class ResultKind {
  NumPy,  ///< numpy.ndarray
  Torch,  ///< torch.Tensor
  Scalar, ///< numpy.generic; the result has rank 0
  DLPack, ///< a DeviceArray, or a NumPy array where the arguments are on the host
};

/// The program's inputs in a call.
struct CallInputs {
  runtime::InputShapes shapes;
  void *const *pointers;
  const runtime::Place *places;
};

/// Throws nb::value_error for unknown names.
ResultKind parseResultKind(const std::string &text);

/// One object per result, on the device where the frame's arrays are: then the call is only given
/// to the caller's stream. Other Python threads run meanwhile when the program moves enough memory
/// to be worth the switch.
std::vector<nb::object> execute(runtime::Executable &executable, const CallInputs &inputs,
                                const std::vector<ResultKind> &kinds, CallFrame &frame);

} // namespace torsh::python

#endif // TORSHJIT_PYTHON_RUNTIME_EXECUTION_H
