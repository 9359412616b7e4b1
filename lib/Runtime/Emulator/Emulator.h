// SPDX-License-Identifier: Apache-2.0
// Runs a grid of CUDA threads on the calling thread, one fiber each.
#ifndef TORSHJIT_RUNTIME_EMULATOR_EMULATOR_H
#define TORSHJIT_RUNTIME_EMULATOR_EMULATOR_H

#include "Fiber.h"
#include "GlobalShadow.h"
#include "SharedShadow.h"
#include "torshjit/Runtime/Emulator/EmulatorABI.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace torsh::runtime {

/// The order in which the threads of a block get their turns, and the blocks of a
/// grid. A kernel's results must not depend on it.
enum class ThreadOrder { Ascending, Descending, Shuffled };

/// What to run: the arguments of a kernel, and its shape.
struct EmulatedLaunch {
  std::string name; ///< for errors
  TorshEmulatedKernel entry;
  int32_t threads;
  int64_t blocks;
  size_t sharedBytes;
  void *const *pointers;
  const int64_t *sizes;
  /// Where the kernel may load, and store.
  struct Operand {
    const char *begin;
    size_t bytes;
    bool isWritten;
  };
  std::vector<Operand> operands;
};

constexpr int32_t kWarpSize = 32;

/// A copy from global to shared memory that is made when it is waited for.
struct AsyncCopy {
  char *destination;
  const char *source;
  int32_t bytes, sourceBytes;
  int64_t group;
};

/// A CUDA thread of the block that is running.
struct EmulatedThread : TorshEmulatedThread {
  enum class State { Ready, AtBarrier, InWarp, Done };
  class Emulator *emulator = nullptr;
  Fiber *fiber = nullptr;
  State state = State::Ready;
  int32_t site = 0; ///< where it waits
  std::vector<AsyncCopy> copies;
  int64_t committedGroups = 0;
  /// Bytes that another thread wrote too: they must still have these contents once
  /// this thread's store is done.
  struct {
    const char *pointer = nullptr;
    size_t bytes = 0;
    char contents[64];
    int64_t otherBlock = 0;
    int32_t otherThread = 0;
  } doubleStore;
};

/// The instruction that lanes of a warp are meeting at.
struct WarpMeeting {
  static constexpr size_t kWords = 12;
  enum class Kind { Barrier, Shuffle, Vote, Reduce, LoadMatrix, MultiplyMatrix };
  struct Lane {
    uint32_t words[kWords];
    const char *row;
    uint32_t *result; ///< on the lane's stack; filled in by the last lane to arrive
  };
  Kind kind;
  int32_t variant; ///< of the kind, for example that of a shuffle
  int32_t site;
  uint32_t mask;        ///< the lanes that take part
  uint32_t arrived = 0; ///< those that wait
  Lane lanes[kWarpSize];
};

class Emulator {
public:
  /// That of the calling thread.
  static Emulator &current();
  ~Emulator();

  /// Runs the kernel in each order, on the same memory; the results of the last
  /// run stay. Throws Error(Program) for a race, threads that do not meet, an
  /// access outside of shared memory, and results that differ between orders.
  void launch(const EmulatedLaunch &launch, const std::vector<ThreadOrder> &orders);

  // What follows is called on the fibers.
  void accessShared(EmulatedThread &thread, const void *pointer, size_t bytes, size_t alignment,
                    bool isStore);
  void accessGlobal(EmulatedThread &thread, const void *pointer, size_t bytes, size_t alignment,
                    bool isStore);
  void accessAtomic(EmulatedThread &thread, const void *pointer, size_t bytes);
  void waitAtBarrier(EmulatedThread &thread, int32_t site);
  /// Waits for the other lanes of `mask`; the last to arrive performs the
  /// instruction for all. `deposit` is copied.
  void meetWarp(EmulatedThread &thread, WarpMeeting::Kind kind, int32_t variant, uint32_t mask,
                int32_t site, const WarpMeeting::Lane &deposit);
  void beginCopy(EmulatedThread &thread, const AsyncCopy &copy);
  void finishCopies(EmulatedThread &thread, int64_t beforeGroup);
  /// Ends the launch with an error; the fiber never runs again.
  [[noreturn]] void fail(std::string message);

private:
  Emulator() = default;

  void runGrid(ThreadOrder order);
  void runBlock(int64_t block, const std::vector<int32_t> &order);
  void prepareBlock(int64_t block);
  EmulatedThread &threadOf(int32_t warp, int32_t lane) {
    return *threads[static_cast<size_t>(warp) * kWarpSize + static_cast<size_t>(lane)];
  }
  void resume(EmulatedThread &thread);
  /// Lets threads that wait at a barrier go on; fails if they do not all wait.
  void releaseBarrier();
  void releaseFibers();
  /// The lanes that exist of a warp; the last one of a block may have fewer.
  uint32_t warpMask(int32_t warp) const;
  void perform(WarpMeeting &meeting, int32_t warp);
  void performLoadMatrix(WarpMeeting &meeting, int32_t warp);
  [[noreturn]] static void fiberMain();
  void switchToScheduler(EmulatedThread &thread);
  void checkDoubleStore(EmulatedThread &thread) {
    if (thread.doubleStore.pointer)
      compareDoubleStore(thread);
  }
  void compareDoubleStore(EmulatedThread &thread);
  [[noreturn]] void failOutsideOfShared(const EmulatedThread &thread, size_t offset, size_t bytes,
                                        bool isStore);
  [[noreturn]] void failInConflict(const EmulatedThread &thread,
                                   const SharedShadow::Conflict &conflict, bool isStore);
  void compareOrders(const WrittenBytes &first, const WrittenBytes &other) const;
  Moment momentOf(const EmulatedThread &thread) const {
    return {epoch, warpEpochs[static_cast<size_t>(thread.warp)], thread.thread_index, thread.warp};
  }
  bool isShared(const void *pointer) const;
  std::string describe(const EmulatedThread &thread) const;
  std::string describeOperand(uintptr_t address) const;
  void checkAlignment(const EmulatedThread &thread, const void *pointer, size_t bytes,
                      size_t alignment, bool isStore);
  void checkBounds(const EmulatedThread &thread, const void *pointer, size_t bytes, bool isStore);

  const EmulatedLaunch *running = nullptr;
  std::vector<std::unique_ptr<EmulatedThread>> threads;
  std::vector<WarpMeeting> warps;
  std::vector<uint32_t> warpEpochs;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber *> freeFibers;
  ExecutionContext scheduler;
  EmulatedThread *active = nullptr;
  int64_t currentBlock = 0;
  int32_t waiting = 0, done = 0;
  uint32_t epoch = 0;
  std::vector<char> sharedMemory;
  char *shared = nullptr;
  SharedShadow sharedShadow;
  GlobalShadow globalShadow;
  size_t lastOperand = 0; ///< the one that an access was last found in
  std::string error;
};

/// The table that compiled kernels call through.
extern const TorshEmulatorFunctions kEmulatorFunctions;

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EMULATOR_EMULATOR_H
