// SPDX-License-Identifier: Apache-2.0
// A program bound to its kernels, constants and planned memory; callable from
// any number of threads at once.
#ifndef TORSHJIT_RUNTIME_EXECUTABLE_H
#define TORSHJIT_RUNTIME_EXECUTABLE_H

#include "torshjit/Runtime/Device.h"
#include "torshjit/Runtime/ForkAwareMutex.h"
#include "torshjit/Runtime/HostFunction.h"
#include "torshjit/Runtime/Program.h"
#include "torshjit/Runtime/ShapePlan.h"

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace torsh::runtime {

/// The memory and pointer table of one call in flight.
struct Instance {
  DeviceMemory arena;
  DeviceMemory staging; ///< for the host's arguments and results
  std::shared_ptr<const ShapePlan> plan;
  /// The operand pointers of all steps, one after another, bound to `plan`.
  std::vector<void *> pointers;
  /// The arena that `pointers` are bound to.
  char *boundArena = nullptr;
  /// The queue in which work on this memory may still be under way.
  Queue *pending = nullptr;

  void await() {
    if (pending)
      std::exchange(pending, nullptr)->synchronize();
  }
};

/// Where the memory of an argument or result lies.
enum class Place : uint8_t { Host, Device };

struct ExecutableStatistics {
  uint64_t calls = 0;
  uint64_t nanoseconds = 0;
  size_t peakBytes = 0;      ///< largest arena any plan needed
  size_t naivePeakBytes = 0; ///< of the same plan, one allocation per buffer
  size_t arenaBytes = 0;     ///< held now by all idle and running instances, staging included
  size_t plans = 0;          ///< shape plans made
  size_t constantBytes = 0;  ///< of constants and of what was computed once, held for calls
  size_t onceLaunches = 0;   ///< launches that `prepare` executed
  uint64_t onceNanoseconds = 0;
};

struct KernelProfile {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> nanoseconds{0};
};

class Executable {
  /// A step, ready to be issued.
  struct Launch {
    Step::Kind kind;
    size_t step; ///< unless it is a copy at the end, of a result
    KernelHandle kernel;
    size_t firstPointer;
    size_t firstSize;
    size_t copyBuffer; ///< for copies: the buffer whose size is copied
  };

public:
  /// Bytes of each constant, of the sizes the program declares; copied.
  using ConstantBytes = std::vector<std::pair<const void *, size_t>>;
  using KernelResolver = std::function<KernelHandle(const std::string &)>;
  using HostFunctionResolver = std::function<HostFunction(const std::string &)>;

  /// `resolveHost` is asked for each function of the host that the program calls; an
  /// empty one, or an empty answer, is an error then.
  Executable(Program program, const KernelResolver &resolve, const ConstantBytes &constants,
             const HostFunctionResolver &resolveHost = nullptr);
  ~Executable();

  /// Executes what is executed once; before the first call, by one thread. `frozen` has a
  /// pointer to the host's memory for each program input, of which those that are frozen
  /// count. What calls read of them (`readByCalls`) must stay where it is and as it is while
  /// the executable lives if isHostMemory(); otherwise the device keeps a copy.
  void prepare(const void *const *frozen);
  bool isPrepared() const { return prepared; }
  /// Whether calls, and not only what is executed once, read an input.
  bool readByCalls(size_t input) const;

  const Program &program() const { return prog; }
  Device &targetDevice() const { return device; }
  /// Whether Call::run takes host memory.
  bool isHostMemory() const { return hostMemory; }

  /// One call: holds an instance from construction to destruction.
  class Call {
  public:
    /// Plans for these shapes, whose static extents the caller has compared
    /// with the signature. Throws Error(Shape), std::bad_alloc.
    Call(Executable &executable, InputShapes shapes);
    ~Call();
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    const ShapePlan &plan() const { return *instance->plan; }
    /// `inputs`: one pointer per program input; `results`: one per result, all
    /// of which the device's kernels can use. Complete on return.
    void run(void *const *inputs, void *const *results) { run(inputs, results, true); }
    /// Likewise, but complete in the order of the thread's queue.
    void submit(void *const *inputs, void *const *results) { run(inputs, results, false); }
    /// Likewise with pointers to the host's memory, which is copied in and
    /// out. Without places all is on the host; with them there is one for
    /// each pointer. Complete on return when a result is on the host.
    void runStaged(void *const *inputs, void *const *results, const Place *inputPlaces = nullptr,
                   const Place *resultPlaces = nullptr);

  private:
    void run(void *const *inputs, void *const *results, bool wait);
    void issue(Queue &queue) const;
    void expectOperands(Queue &queue, size_t launch) const;
    /// Throws Error(Data) unless the assertion of a step holds.
    void requireTrue(Queue &queue, const Launch &launch) const;
    /// Calls the host's function of a step.
    void callHost(Queue &queue, const Launch &launch) const;
    /// Replaces memory of the instance by some of at least `bytes`.
    void reserve(DeviceMemory &memory, size_t bytes);

    Executable &executable;
    std::unique_ptr<Instance> instance;
    uint64_t nanoseconds = 0;
    bool ran = false;
  };

  ExecutableStatistics statistics();
  void resetStatistics();
  void setProfiling(bool enabled) { profiling = enabled; }
  /// One entry per Program::kernels.
  const std::vector<KernelProfile> &profile() const { return kernelProfiles; }

private:
  /// A pointer that changes from call to call.
  struct Patch {
    size_t slot;
    size_t argument;
  };

  void buildLaunches(const KernelResolver &resolve);
  void findHostFunctions(const HostFunctionResolver &resolve);
  void uploadConstants(const ConstantBytes &constants);
  std::shared_ptr<const ShapePlan> findPlan(InputShapes shapes);
  void bind(Instance &instance, char *arena) const;
  void placeFixed(const void *const *frozen, DeviceMemory &scratch);
  void launchOnce();

  Program prog;
  Device &device;
  bool hostMemory;
  bool orderedMemory;
  bool checkedAccesses;
  bool prepared = false;
  DeviceMemory constantMemory;
  /// Constants that only `prepare` reads, until then.
  DeviceMemory onceConstants;
  /// What `prepare` leaves to calls.
  DeviceMemory heldMemory;
  /// By buffer: where those lie that own bytes which are the same at every call.
  std::vector<void *> fixedPointers;
  std::vector<Launch> launches;
  /// Those of `prepare`.
  std::vector<Launch> onceLaunches;
  /// One per Program::hostFunctions.
  std::vector<HostFunction> hostFunctions;
  std::vector<size_t> slotBuffers;
  std::vector<Patch> inputPatches;
  std::vector<Patch> resultPatches;
  std::vector<KernelProfile> kernelProfiles;
  std::atomic<bool> profiling{false};

  ForkAwareMutex mutex;
  std::list<std::shared_ptr<const ShapePlan>> plans; ///< most recent first
  std::vector<std::unique_ptr<Instance>> idle;
  ExecutableStatistics stats;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EXECUTABLE_H
