// SPDX-License-Identifier: Apache-2.0
// Allocates results, launches, and decides about the GIL.
#include "Execution.h"

#include "InlineArray.h"
#include "NumPyArrays.h"
#include "TorchTensors.h"

namespace torsh::python {
namespace {
/// Programs that touch less take a microsecond or two; giving up the GIL and
/// taking it back costs a tenth of one when nobody waits, a thread switch when
/// somebody does.
constexpr size_t kReleaseTraffic = size_t(64) << 10;

struct ScalarStorage {
  alignas(16) char bytes[16];
};
} // namespace

ResultKind parseResultKind(const std::string &text) {
  if (text == "numpy")
    return ResultKind::NumPy;
  if (text == "torch") {
    requireTorch();
    return ResultKind::Torch;
  }
  if (text == "scalar")
    return ResultKind::Scalar;
  throw nb::value_error(("unknown kind of result \"" + text + "\"").c_str());
}

std::vector<nb::object> execute(runtime::Executable &executable, runtime::InputShapes shapes,
                                void *const *inputs, const std::vector<ResultKind> &kinds) {
  const runtime::Program &program = executable.program();
  runtime::Executable::Call call(executable, shapes);
  const runtime::ShapePlan &plan = call.plan();

  size_t count = program.results.size();
  std::vector<nb::object> results(count);
  InlineArray<void *, 8> pointers(count);
  InlineArray<ScalarStorage, 8> scalars(count);
  for (size_t r = 0; r < count; ++r) {
    DataType dtype = program.buffers[program.results[r].buffer].type.dtype;
    if (kinds[r] == ResultKind::Scalar)
      pointers[r] = scalars[r].bytes;
    else if (kinds[r] == ResultKind::Torch)
      results[r] = newTensor(dtype, plan.resultShapes[r], pointers[r]);
    else
      results[r] = newArray(dtype, plan.resultShapes[r], pointers[r]);
  }

  if (!executable.isHostMemory()) {
    nb::gil_scoped_release release;
    call.runStaged(inputs, pointers.data());
  } else if (plan.traffic >= kReleaseTraffic) {
    nb::gil_scoped_release release;
    call.run(inputs, pointers.data());
  } else {
    call.run(inputs, pointers.data());
  }

  for (size_t r = 0; r < count; ++r)
    if (kinds[r] == ResultKind::Scalar)
      results[r] =
          newScalar(program.buffers[program.results[r].buffer].type.dtype, scalars[r].bytes);
  return results;
}

} // namespace torsh::python
