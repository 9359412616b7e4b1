// SPDX-License-Identifier: Apache-2.0
// One call of an executable: the hot path.
#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/Executable.h"
#include "torshjit/Runtime/ProcessStatistics.h"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace torsh::runtime {
namespace {
uint64_t now() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}
} // namespace

Executable::Call::Call(Executable &executable, InputShapes shapes) : executable(executable) {
  if (!executable.prepared)
    throw Error(ErrorKind::Program, "the program's frozen inputs have not been given");
  std::shared_ptr<const ShapePlan> plan = executable.findPlan(shapes);
  {
    std::lock_guard<ForkAwareMutex> lock(executable.mutex);
    auto &idle = executable.idle;
    if (!idle.empty()) {
      // One bound to this plan needs no pointers filled in again.
      auto bound = std::find_if(idle.begin(), idle.end(),
                                [&](const auto &candidate) { return candidate->plan == plan; });
      std::swap(bound == idle.end() ? idle.back() : *bound, idle.back());
      instance = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (!instance)
    instance = std::make_unique<Instance>();
  if (instance->plan == plan)
    return;
  if (!executable.orderedMemory)
    reserve(instance->arena, plan->memory.peakBytes);
  instance->plan = std::move(plan);
  executable.bind(*instance, instance->arena.data());
}

void Executable::Call::reserve(DeviceMemory &memory, size_t bytes) {
  size_t old = memory.size();
  if (old >= bytes)
    return;
  instance->await();
  memory = DeviceMemory(); // never hold both
  auto account = [&](int64_t change) {
    std::lock_guard<ForkAwareMutex> lock(executable.mutex);
    executable.stats.arenaBytes += static_cast<size_t>(change);
    ProcessStatistics::global().arenaBytes.fetch_add(change, std::memory_order_relaxed);
  };
  account(-static_cast<int64_t>(old));
  memory = DeviceMemory(executable.device, bytes);
  account(static_cast<int64_t>(bytes));
}

Executable::Call::~Call() {
  std::lock_guard<ForkAwareMutex> lock(executable.mutex);
  if (ran) {
    ++executable.stats.calls;
    executable.stats.nanoseconds += nanoseconds;
  }
  executable.idle.push_back(std::move(instance));
}

void Executable::Call::run(void *const *inputs, void *const *results, bool wait) {
  Queue &queue = executable.device.queue();
  QueueMemory arena;
  if (executable.orderedMemory) {
    arena = QueueMemory(queue, instance->plan->memory.peakBytes);
    if (instance->boundArena != arena.data())
      executable.bind(*instance, arena.data());
  }
  void **pointers = instance->pointers.data();
  for (const Patch &patch : executable.inputPatches)
    pointers[patch.slot] = inputs[patch.argument];
  for (const Patch &patch : executable.resultPatches)
    pointers[patch.slot] = results[patch.argument];

  if (instance->pending != &queue)
    instance->await();
  uint64_t start = now();
  try {
    issue(queue);
    if (wait)
      queue.synchronize();
    else
      queue.submit();
  } catch (...) {
    queue.abandon();
    throw;
  }
  instance->pending = wait || executable.orderedMemory ? nullptr : &queue;
  nanoseconds = now() - start;
  ran = true;
  ProcessStatistics &process = ProcessStatistics::global();
  process.calls.fetch_add(1, std::memory_order_relaxed);
  process.nanoseconds.fetch_add(nanoseconds, std::memory_order_relaxed);
}

void Executable::Call::issue(Queue &queue) const {
  const ShapePlan &plan = *instance->plan;
  void *const *pointers = instance->pointers.data();
  bool profiling = executable.profiling.load(std::memory_order_relaxed);
  for (const Launch &launch : executable.launches) {
    void *const *operands = pointers + launch.firstPointer;
    if (launch.kind == Step::Kind::Assert) {
      requireTrue(queue, launch);
      continue;
    }
    if (launch.kind == Step::Kind::Call) {
      callHost(queue, launch);
      continue;
    }
    if (executable.checkedAccesses)
      expectOperands(queue, static_cast<size_t>(&launch - executable.launches.data()));
    if (launch.kind == Step::Kind::Copy) {
      queue.copy(operands[1], operands[0], plan.bufferBytes[launch.copyBuffer]);
    } else if (!profiling) {
      queue.launch(launch.kernel, operands, plan.sizes.data() + launch.firstSize);
    } else {
      uint64_t before = now();
      queue.launch(launch.kernel, operands, plan.sizes.data() + launch.firstSize);
      queue.synchronize();
      KernelProfile &profile = executable.kernelProfiles[executable.prog.steps[launch.step].index];
      profile.calls.fetch_add(1, std::memory_order_relaxed);
      profile.nanoseconds.fetch_add(now() - before, std::memory_order_relaxed);
    }
  }
}

void Executable::Call::expectOperands(Queue &queue, size_t launch) const {
  const std::vector<size_t> &slots = executable.slotBuffers;
  bool last = launch + 1 == executable.launches.size();
  size_t end = last ? slots.size() : executable.launches[launch + 1].firstPointer;
  std::vector<size_t> bytes;
  for (size_t slot = executable.launches[launch].firstPointer; slot < end; ++slot)
    bytes.push_back(instance->plan->bufferBytes[slots[slot]]);
  queue.expectOperands(bytes.data(), bytes.size());
}

} // namespace torsh::runtime
