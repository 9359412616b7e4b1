// SPDX-License-Identifier: Apache-2.0
// A call whose arguments or results lie in the host's memory, on a device that
// cannot reach it.
#include "torshjit/Runtime/Executable.h"

namespace torsh::runtime {

void Executable::Call::runStaged(void *const *inputs, void *const *results,
                                 const Place *inputPlaces, const Place *resultPlaces) {
  auto onHost = [](const Place *places, size_t i) { return !places || places[i] == Place::Host; };
  const StagingPlan &plan = instance->plan->staging;
  reserve(instance->staging, plan.totalBytes);
  // What an earlier call left under way may still read the staged memory.
  instance->await();

  Device &device = executable.device;
  std::vector<void *> pointers(plan.inputs.size() + plan.results.size());
  void **stagedInputs = pointers.data();
  void **stagedResults = stagedInputs + plan.inputs.size();
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const StagingPlan::Slot &slot = plan.inputs[i];
    stagedInputs[i] = onHost(inputPlaces, i) ? instance->staging.data() + slot.offset : inputs[i];
    if (onHost(inputPlaces, i) && slot.bytes)
      device.upload(stagedInputs[i], inputs[i], slot.bytes);
  }
  bool wait = false;
  for (size_t r = 0; r < plan.results.size(); ++r) {
    stagedResults[r] =
        onHost(resultPlaces, r) ? instance->staging.data() + plan.results[r].offset : results[r];
    wait |= onHost(resultPlaces, r);
  }

  run(stagedInputs, stagedResults, wait);

  for (size_t r = 0; r < plan.results.size(); ++r)
    if (onHost(resultPlaces, r) && plan.results[r].bytes)
      device.download(results[r], stagedResults[r], plan.results[r].bytes);
}

} // namespace torsh::runtime
