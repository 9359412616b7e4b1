// SPDX-License-Identifier: Apache-2.0
// What an executable does once, before its first call: it places frozen inputs,
// and executes the steps that read nothing of a call.
#include "torshjit/Runtime/Executable.h"
#include "torshjit/Runtime/ProcessStatistics.h"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace torsh::runtime {

bool Executable::readByCalls(size_t input) const {
  for (size_t b = 0; b < prog.buffers.size(); ++b)
    if (prog.buffers[b].kind == Buffer::Kind::Input && prog.buffers[b].index == input &&
        prog.readByCalls[b])
      return true;
  return false;
}

void Executable::prepare(const void *const *frozen) {
  auto start = std::chrono::steady_clock::now();
  {
    DeviceMemory scratch;
    placeFixed(frozen, scratch);
    launchOnce();
  }
  onceConstants = DeviceMemory();
  // Nobody may use what is gone: a call reads none of it.
  for (size_t b = 0; b < prog.buffers.size(); ++b)
    if (!prog.readByCalls[b])
      fixedPointers[b] = nullptr;
  auto held = static_cast<int64_t>(heldMemory.size());
  ProcessStatistics::global().constantBytes.fetch_add(held, std::memory_order_relaxed);
  std::lock_guard<ForkAwareMutex> lock(mutex);
  stats.constantBytes += heldMemory.size();
  stats.onceLaunches = onceLaunches.size();
  stats.onceNanoseconds = static_cast<uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count());
  prepared = true;
}

void Executable::placeFixed(const void *const *frozen, DeviceMemory &scratch) {
  size_t alignment = device.limits().alignment;
  auto bytesOf = [&](size_t b) { return staticByteSize(prog.buffers[b].type); };
  size_t held = 0;
  auto hold = [&](size_t b) {
    size_t offset = held;
    held += alignUp(std::max<size_t>(bytesOf(b), 1), alignment);
    return offset;
  };
  std::vector<size_t> heldOffsets;
  for (size_t b : prog.heldTemporaries)
    heldOffsets.push_back(hold(b));

  // Frozen inputs, where the device cannot read the host's memory.
  std::vector<size_t> sizes, sent, sentOffsets;
  for (size_t b : prog.onceTemporaries)
    sizes.push_back(bytesOf(b));
  std::vector<Lifetime> lifetimes = prog.onceLifetimes;
  for (size_t b = 0; b < prog.buffers.size(); ++b) {
    const Buffer &buffer = prog.buffers[b];
    if (buffer.kind != Buffer::Kind::Input || !prog.inputs[buffer.index].isFrozen)
      continue;
    if (hostMemory) {
      fixedPointers[b] = const_cast<void *>(frozen[buffer.index]);
      continue;
    }
    sent.push_back(b);
    if (prog.readByCalls[b]) {
      sentOffsets.push_back(hold(b));
    } else {
      sizes.push_back(bytesOf(b));
      lifetimes.push_back({0, prog.steps.size()});
    }
  }

  MemoryPlan plan = planMemory(sizes, lifetimes, alignment);
  if (plan.peakBytes)
    scratch = DeviceMemory(device, plan.peakBytes);
  if (held)
    heldMemory = DeviceMemory(device, held);
  size_t nextScratch = 0, nextSent = 0;
  for (size_t b : prog.onceTemporaries)
    fixedPointers[b] = scratch.data() + plan.offsets[nextScratch++];
  for (size_t i = 0; i < heldOffsets.size(); ++i)
    fixedPointers[prog.heldTemporaries[i]] = heldMemory.data() + heldOffsets[i];
  for (size_t b : sent) {
    fixedPointers[b] = prog.readByCalls[b] ? heldMemory.data() + sentOffsets[nextSent++]
                                           : scratch.data() + plan.offsets[nextScratch++];
    if (size_t bytes = bytesOf(b))
      device.upload(fixedPointers[b], frozen[prog.buffers[b].index], bytes);
  }
}

void Executable::launchOnce() {
  if (onceLaunches.empty())
    return;
  Queue &queue = device.queue();
  try {
    for (const Launch &launch : onceLaunches) {
      const Step &step = prog.steps[launch.step];
      std::vector<void *> pointers;
      std::vector<size_t> bytes;
      for (size_t b : step.operands) {
        pointers.push_back(fixedPointers[prog.buffers[b].root]);
        bytes.push_back(staticByteSize(prog.buffers[b].type));
      }
      if (checkedAccesses)
        queue.expectOperands(bytes.data(), bytes.size());
      queue.launch(launch.kernel, pointers.data(), step.sizes.data());
    }
    queue.synchronize();
  } catch (...) {
    queue.abandon();
    throw;
  }
}

} // namespace torsh::runtime
