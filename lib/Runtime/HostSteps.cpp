// SPDX-License-Identifier: Apache-2.0
// The steps of a call that the host executes itself: assertions on data, and calls of
// its functions. Both wait for the device.
#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/Executable.h"

namespace torsh::runtime {

void Executable::Call::requireTrue(Queue &queue, const Launch &launch) const {
  const Step &step = executable.prog.steps[launch.step];
  const void *condition = instance->pointers[launch.firstPointer];
  queue.synchronize();
  char holds = 0;
  if (executable.hostMemory)
    holds = *static_cast<const char *>(condition);
  else
    executable.device.download(&holds, condition, 1);
  if (!holds)
    throw Error(ErrorKind::Data, step.text + step.place);
}

void Executable::Call::callHost(Queue &queue, const Launch &launch) const {
  const Step &step = executable.prog.steps[launch.step];
  void *const *pointers = instance->pointers.data() + launch.firstPointer;
  const int64_t *extents = instance->plan->sizes.data() + launch.firstSize;
  size_t numInputs = step.operands.size() - step.outputs;
  queue.synchronize();

  // What the device keeps from the host is copied, each array to memory of its own.
  std::vector<std::vector<char>> copies;
  std::vector<HostTensor> inputs, outputs;
  for (size_t i = 0; i < step.operands.size(); ++i) {
    const TensorType &type = executable.prog.buffers[step.operands[i]].type;
    size_t bytes = instance->plan->bufferBytes[step.operands[i]];
    void *data = pointers[i];
    if (!executable.hostMemory) {
      // Operands keep their alignment: what new gives is enough for any element.
      data = copies.emplace_back(bytes ? bytes : 1).data();
      if (i < numInputs && bytes)
        executable.device.download(data, pointers[i], bytes);
    }
    (i < numInputs ? inputs : outputs)
        .push_back({type.dtype, extents, type.shape.size(), data, bytes});
    extents += type.shape.size();
  }

  executable.hostFunctions[step.index]({step.text, step.place, inputs, outputs});

  if (!executable.hostMemory)
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].bytes)
        executable.device.upload(pointers[numInputs + i], outputs[i].data, outputs[i].bytes);
}

} // namespace torsh::runtime
