// SPDX-License-Identifier: Apache-2.0
// Construction of executables and the cache of their shape plans.
#include "torshjit/Runtime/Executable.h"

#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/ProcessStatistics.h"

#include <algorithm>
#include <mutex>

namespace torsh::runtime {
namespace {
/// More shapes than this in turn are planned again; a plan is cheap beside the
/// kernels of a program large enough to make planning slow.
constexpr size_t kMaxPlans = 32;
} // namespace

Executable::Executable(Program program, const KernelResolver &resolve,
                       const ConstantBytes &constants, const HostFunctionResolver &resolveHost)
    : prog(std::move(program)), device(findDevice(prog.target)), hostMemory(device.isHostMemory()),
      orderedMemory(device.ordersMemory()), checkedAccesses(device.checksAccesses()),
      kernelProfiles(prog.kernels.size()) {
  buildLaunches(resolve);
  findHostFunctions(resolveHost);
  uploadConstants(constants);
  if (!prog.isDynamic()) {
    // A static program is planned now, so that its errors come at load time.
    std::vector<const int64_t *> shapes;
    for (const InputSpec &input : prog.inputs)
      shapes.push_back(input.type.shape.data());
    findPlan(shapes.data());
  }
  stats.constantBytes = constantMemory.size();
  ProcessStatistics &process = ProcessStatistics::global();
  process.executables.fetch_add(1, std::memory_order_relaxed);
  process.constantBytes.fetch_add(static_cast<int64_t>(stats.constantBytes),
                                  std::memory_order_relaxed);
}

Executable::~Executable() {
  for (const std::unique_ptr<Instance> &instance : idle)
    try {
      instance->await();
    } catch (const std::exception &) {
      // The work failed: nobody waits for it any more, and its memory is free.
    }
  ProcessStatistics &process = ProcessStatistics::global();
  process.executables.fetch_sub(1, std::memory_order_relaxed);
  process.constantBytes.fetch_sub(static_cast<int64_t>(stats.constantBytes),
                                  std::memory_order_relaxed);
  process.arenaBytes.fetch_sub(static_cast<int64_t>(stats.arenaBytes), std::memory_order_relaxed);
}

void Executable::buildLaunches(const KernelResolver &resolve) {
  std::vector<KernelHandle> handles;
  for (const std::string &kernel : prog.kernels) {
    handles.push_back(resolve(kernel));
    if (!handles.back())
      throw Error(ErrorKind::Program, "no address for kernel \"" + kernel + "\"");
  }

  size_t firstSize = 0;
  for (size_t s = 0; s < prog.steps.size(); ++s) {
    const Step &step = prog.steps[s];
    KernelHandle handle = step.kind == Step::Kind::Kernel ? handles[step.index] : 0;
    if (step.isOnce) {
      onceLaunches.push_back({step.kind, s, handle, 0, 0, 0});
    } else {
      launches.push_back({step.kind, s, handle, slotBuffers.size(), firstSize,
                          step.isCopy() ? step.operands[0] : 0});
      slotBuffers.insert(slotBuffers.end(), step.operands.begin(), step.operands.end());
    }
    firstSize += step.sizes.size();
  }
  std::vector<size_t> resultOf(prog.buffers.size());
  for (size_t r = 0; r < prog.results.size(); ++r) {
    size_t buffer = prog.results[r].buffer;
    if (prog.results[r].direct) {
      resultOf[prog.buffers[buffer].root] = r;
      continue;
    }
    launches.push_back(
        {Step::Kind::Copy, prog.steps.size(), 0, slotBuffers.size(), firstSize, buffer});
    slotBuffers.push_back(buffer);
    // The destination is no buffer of the program, only a result.
    resultPatches.push_back({slotBuffers.size(), r});
    slotBuffers.push_back(buffer);
  }

  for (size_t slot = 0; slot < slotBuffers.size(); ++slot) {
    size_t root = prog.buffers[slotBuffers[slot]].root;
    const Buffer &owner = prog.buffers[root];
    if (owner.kind == Buffer::Kind::Input && !prog.inputs[owner.index].isFrozen)
      inputPatches.push_back({slot, owner.index});
    else if (owner.kind == Buffer::Kind::Output)
      resultPatches.push_back({slot, resultOf[root]});
  }
  // The destinations of final copies come after the patches of the buffer
  // they share a slot entry with, so that they win.
  std::stable_partition(resultPatches.begin(), resultPatches.end(),
                        [&](const Patch &p) { return prog.results[p.argument].direct; });
}

void Executable::findHostFunctions(const HostFunctionResolver &resolve) {
  for (const std::string &name : prog.hostFunctions) {
    hostFunctions.push_back(resolve ? resolve(name) : HostFunction());
    if (!hostFunctions.back())
      throw Error(ErrorKind::Program,
                  "the program calls the host's function \"" + name + "\", which nobody has given");
  }
}

void Executable::uploadConstants(const ConstantBytes &constants) {
  if (constants.size() != prog.constants.size())
    throw Error(ErrorKind::Program, "the program has " + std::to_string(prog.constants.size()) +
                                        " constants, " + std::to_string(constants.size()) +
                                        " were given");
  for (size_t i = 0; i < constants.size(); ++i)
    if (constants[i].second != staticByteSize(prog.constants[i]))
      throw Error(ErrorKind::Program, "constant " + std::to_string(i) + " has " +
                                          std::to_string(constants[i].second) +
                                          " bytes, the program expects " +
                                          std::to_string(staticByteSize(prog.constants[i])));
  // One constant may have several buffers, or none.
  std::vector<bool> read(constants.size());
  for (size_t b = 0; b < prog.buffers.size(); ++b)
    if (prog.buffers[b].kind == Buffer::Kind::Constant && prog.readByCalls[b])
      read[prog.buffers[b].index] = true;
  size_t alignment = device.limits().alignment;
  std::vector<size_t> offsets;
  size_t kept = 0, once = 0;
  for (size_t i = 0; i < constants.size(); ++i) {
    size_t &total = read[i] ? kept : once;
    offsets.push_back(total);
    total += alignUp(std::max<size_t>(constants[i].second, 1), alignment);
  }
  constantMemory = DeviceMemory(device, kept);
  if (once && !onceLaunches.empty())
    onceConstants = DeviceMemory(device, once);
  std::vector<void *> pointers;
  for (size_t i = 0; i < constants.size(); ++i) {
    char *memory = (read[i] ? constantMemory : onceConstants).data();
    pointers.push_back(memory ? memory + offsets[i] : nullptr);
    if (memory && constants[i].second)
      device.upload(pointers.back(), constants[i].first, constants[i].second);
  }
  fixedPointers.resize(prog.buffers.size());
  for (size_t b = 0; b < prog.buffers.size(); ++b)
    if (prog.buffers[b].kind == Buffer::Kind::Constant)
      fixedPointers[b] = pointers[prog.buffers[b].index];
}

std::shared_ptr<const ShapePlan> Executable::findPlan(InputShapes shapes) {
  auto matches = [&](const ShapePlan &plan) {
    for (size_t i = 0; i < prog.dynamicAxes.size(); ++i) {
      const Program::InputAxis &key = prog.dynamicAxes[i];
      if (plan.key[i] != shapes[key.input][key.axis])
        return false;
    }
    return true;
  };
  {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    for (auto it = plans.begin(); it != plans.end(); ++it)
      if (matches(**it)) {
        plans.splice(plans.begin(), plans, it);
        return plans.front();
      }
  }
  // Made outside the lock: calls with known shapes need not wait.
  DeviceLimits limits = device.limits();
  auto made = std::make_shared<ShapePlan>(makeShapePlan(prog, shapes, limits));
  if (!hostMemory)
    made->staging = planStaging(prog, *made, limits);
  std::shared_ptr<const ShapePlan> plan = std::move(made);
  std::list<std::shared_ptr<const ShapePlan>> entry{plan}, surplus;
  std::lock_guard<ForkAwareMutex> lock(mutex);
  plans.splice(plans.begin(), entry);
  if (plans.size() > kMaxPlans)
    surplus.splice(surplus.begin(), plans, std::prev(plans.end()));
  ++stats.plans;
  if (plan->memory.peakBytes >= stats.peakBytes) {
    stats.peakBytes = plan->memory.peakBytes;
    stats.naivePeakBytes = plan->memory.naivePeakBytes;
  }
  return plan;
}

void Executable::bind(Instance &instance, char *arena) const {
  const ShapePlan &plan = *instance.plan;
  instance.boundArena = arena;
  std::vector<void *> owners = fixedPointers;
  for (size_t i = 0; i < prog.temporaries.size(); ++i)
    owners[prog.temporaries[i]] = arena + plan.memory.offsets[i];
  instance.pointers.resize(slotBuffers.size());
  for (size_t slot = 0; slot < slotBuffers.size(); ++slot)
    instance.pointers[slot] = owners[prog.buffers[slotBuffers[slot]].root];
}

ExecutableStatistics Executable::statistics() {
  std::lock_guard<ForkAwareMutex> lock(mutex);
  return stats;
}

void Executable::resetStatistics() {
  std::lock_guard<ForkAwareMutex> lock(mutex);
  stats.calls = 0;
  stats.nanoseconds = 0;
  for (KernelProfile &profile : kernelProfiles) {
    profile.calls = 0;
    profile.nanoseconds = 0;
  }
}

} // namespace torsh::runtime
