// SPDX-License-Identifier: Apache-2.0
// A call whose arguments or results lie in the host's memory, on a device that
// cannot reach it.
#include "torshjit/Runtime/Executable.h"

#include <algorithm>

namespace torsh::runtime {

void Executable::Call::runStaged(void *const *inputs, void *const *results,
                                 const Place *inputPlaces, const Place *resultPlaces) {
  const StagingPlan &plan = instance->plan->staging;
  size_t numInputs = plan.inputBytes.size(), numResults = plan.resultBytes.size();
  auto onHost = [](const Place *places, size_t i) { return !places || places[i] == Place::Host; };

  // Packed anew for each call: what lies on the device takes no part of the staged memory.
  Device &device = executable.device;
  size_t alignment = device.limits().alignment;
  std::vector<size_t> offsets(numInputs + numResults);
  size_t needed = 0;
  auto place = [&](size_t slot, size_t bytes) {
    // Even an empty tensor has an address of its own, inside the memory.
    offsets[slot] = needed;
    needed += alignUp(std::max<size_t>(bytes, 1), alignment);
  };
  for (size_t i = 0; i < numInputs; ++i)
    if (onHost(inputPlaces, i))
      place(i, plan.inputBytes[i]);
  for (size_t r = 0; r < numResults; ++r)
    if (onHost(resultPlaces, r))
      place(numInputs + r, plan.resultBytes[r]);

  Queue *queue = nullptr;
  QueueMemory ordered;
  char *memory = nullptr;
  if (executable.orderedMemory) {
    queue = &device.queue();
    ordered = QueueMemory(*queue, needed);
    memory = ordered.data();
  } else {
    reserve(instance->staging, needed);
    // What an earlier call left under way may still read the staged memory.
    instance->await();
    memory = instance->staging.data();
  }

  std::vector<void *> pointers(numInputs + numResults);
  for (size_t i = 0; i < numInputs; ++i) {
    pointers[i] = onHost(inputPlaces, i) ? memory + offsets[i] : inputs[i];
    if (!onHost(inputPlaces, i) || !plan.inputBytes[i])
      continue;
    if (queue)
      queue->upload(pointers[i], inputs[i], plan.inputBytes[i]);
    else
      device.upload(pointers[i], inputs[i], plan.inputBytes[i]);
  }
  // Also without any result: only who keeps results on the device goes on before the work is done.
  bool wait = !resultPlaces;
  for (size_t r = 0; r < numResults; ++r) {
    pointers[numInputs + r] =
        onHost(resultPlaces, r) ? memory + offsets[numInputs + r] : results[r];
    wait |= onHost(resultPlaces, r);
  }

  run(pointers.data(), pointers.data() + numInputs, wait);

  for (size_t r = 0; r < numResults; ++r)
    if (onHost(resultPlaces, r) && plan.resultBytes[r])
      device.download(results[r], pointers[numInputs + r], plan.resultBytes[r]);
}

} // namespace torsh::runtime
