// SPDX-License-Identifier: Apache-2.0
// Allocates results, launches, and decides about the GIL.
#include "Execution.h"

#include "DeviceArray.h"
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

DataType dtypeOfResult(const runtime::Program &program, size_t result) {
  return program.buffers[program.results[result].buffer].type.dtype;
}

nb::object newHostResult(ResultKind kind, DataType dtype, const std::vector<int64_t> &shape,
                         void *&data) {
  return kind == ResultKind::Torch ? newTensor(dtype, shape, data) : newArray(dtype, shape, data);
}

/// Has the calling thread's work go to a stream for a while.
class StreamScope {
public:
  StreamScope(runtime::Device &device, uintptr_t stream)
      : device(device), previous(device.exchangeStream(stream)) {}
  ~StreamScope() { device.exchangeStream(previous); }
  StreamScope(const StreamScope &) = delete;
  StreamScope &operator=(const StreamScope &) = delete;

private:
  runtime::Device &device;
  uintptr_t previous;
};

/// The arrays are on the device, and so are results of the same libraries: nobody waits. Tensors
/// of torch are used on its current stream, others on the device's default one.
std::vector<nb::object> executeOnDevice(runtime::Executable &executable, const CallInputs &inputs,
                                        const std::vector<ResultKind> &kinds, CallFrame &frame) {
  const runtime::Program &program = executable.program();
  runtime::Device &device = executable.targetDevice();
  runtime::TensorDevice where = *device.tensorDevice();
  StreamScope scope(device,
                    frame.placedBy->source == TensorSource::Torch ? currentStream(where) : 0);
  runtime::Executable::Call call(executable, inputs.shapes);

  size_t count = program.results.size();
  std::vector<nb::object> results(count);
  InlineArray<void *, 8> pointers(count);
  InlineArray<runtime::Place, 8> places(count);
  InlineArray<ScalarStorage, 8> scalars(count);
  for (size_t r = 0; r < count; ++r) {
    DataType dtype = dtypeOfResult(program, r);
    const std::vector<int64_t> &shape = call.plan().resultShapes[r];
    places[r] = runtime::Place::Device;
    if (kinds[r] == ResultKind::Torch) {
      results[r] = newTensorOn(where, dtype, shape, pointers[r]);
    } else if (kinds[r] == ResultKind::DLPack) {
      results[r] = newDeviceArray(device, dtype, shape, pointers[r]);
    } else {
      places[r] = runtime::Place::Host;
      if (kinds[r] == ResultKind::Scalar)
        pointers[r] = scalars[r].bytes;
      else
        results[r] = newArray(dtype, shape, pointers[r]);
    }
  }
  {
    nb::gil_scoped_release release;
    call.runStaged(inputs.pointers, pointers.data(), inputs.places, places.data());
  }
  if (frame.placedBy->source == TensorSource::DLPack)
    keepUntilDone(device, std::move(frame.copies));
  for (size_t r = 0; r < count; ++r)
    if (kinds[r] == ResultKind::Scalar)
      results[r] = newScalar(dtypeOfResult(program, r), scalars[r].bytes);
  return results;
}
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
  if (text == "dlpack")
    return ResultKind::DLPack;
  throw nb::value_error(("unknown kind of result \"" + text + "\"").c_str());
}

std::vector<nb::object> execute(runtime::Executable &executable, const CallInputs &inputs,
                                const std::vector<ResultKind> &kinds, CallFrame &frame) {
  const runtime::Program &program = executable.program();
  if (frame.onDevice)
    return executeOnDevice(executable, inputs, kinds, frame);
  runtime::Executable::Call call(executable, inputs.shapes);
  const runtime::ShapePlan &plan = call.plan();

  size_t count = program.results.size();
  std::vector<nb::object> results(count);
  InlineArray<void *, 8> pointers(count);
  InlineArray<ScalarStorage, 8> scalars(count);
  for (size_t r = 0; r < count; ++r) {
    if (kinds[r] == ResultKind::Scalar)
      pointers[r] = scalars[r].bytes;
    else
      results[r] =
          newHostResult(kinds[r], dtypeOfResult(program, r), plan.resultShapes[r], pointers[r]);
  }

  if (!executable.isHostMemory()) {
    nb::gil_scoped_release release;
    call.runStaged(inputs.pointers, pointers.data(), inputs.places);
  } else if (plan.traffic >= kReleaseTraffic) {
    nb::gil_scoped_release release;
    call.run(inputs.pointers, pointers.data());
  } else {
    call.run(inputs.pointers, pointers.data());
  }

  for (size_t r = 0; r < count; ++r)
    if (kinds[r] == ResultKind::Scalar)
      results[r] = newScalar(dtypeOfResult(program, r), scalars[r].bytes);
  return results;
}

} // namespace torsh::python
