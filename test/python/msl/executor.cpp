// SPDX-License-Identifier: Apache-2.0
// Runs kernels that were made from MSL text: threadgroups one after the other, their threads as
// fibers in a given order. A violation ends the launch with a message.
#include "include/msl/types.h"

#include "include/msl/thread.h"

#include "include/msl/memory.h"

#include "Fiber.h"

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

msl::State msl_state;

namespace {

using msl::kDeviceMemory;
using msl::kThreadgroupMemory;

using torsh::runtime::ExecutionContext;
using torsh::runtime::Fiber;
using torsh::runtime::switchExecution;

struct Thread {
  bool done;
  msl::Wait wait;
  unsigned site;
  unsigned flags;
  unsigned long bits;         // what it gives to other lanes
  unsigned long simdgroup[2]; // the low half of its stamps
};

struct Launch {
  const msl::Entry *entry;
  const msl::Binding *bindings;
  sigjmp_buf failure;
  char *message;
  size_t capacity;
  std::vector<Thread> threads;
  std::vector<unsigned> order;
  std::mt19937 random;
  ExecutionContext scheduler;
  unsigned long epoch[2];
};

Launch *current;

/// The stacks of threads by their number, kept from launch to launch.
std::vector<std::unique_ptr<Fiber>> fibers;

[[noreturn]] void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(current->message, current->capacity, format, arguments);
  va_end(arguments);
  siglongjmp(current->failure, 1);
}

void setStamps(const Thread &thread) {
  for (int memory : {kThreadgroupMemory, kDeviceMemory})
    msl_state.stamp[memory] = current->epoch[memory] + thread.simdgroup[memory];
}

void runThread() {
  current->entry->body(current->bindings);
  current->threads[msl_state.threadIndex].done = true;
  switchExecution(fibers[msl_state.threadIndex]->context, current->scheduler);
}

void resume(unsigned index) {
  Thread &next = current->threads[index];
  msl_state.threadIndex = index;
  setStamps(next);
  next.wait = msl::kRunning;
  switchExecution(current->scheduler, fibers[index]->context);
}

/// Moves on the stamps of memory that a barrier with `flags` (metal::mem_flags) orders.
void advance(unsigned long (&stamp)[2], unsigned flags, unsigned long by) {
  if (flags & 2)
    stamp[kThreadgroupMemory] += by;
  if (flags & 1)
    stamp[kDeviceMemory] += by;
}

/// Lets the threads of each simdgroup go on that wait for one another; whether there were any.
bool releaseSimdgroups() {
  std::vector<Thread> &threads = current->threads;
  bool released = false;
  for (size_t first = 0; first < threads.size(); first += msl::kSimdgroupSize) {
    size_t end = std::min(threads.size(), first + msl::kSimdgroupSize);
    const Thread &leader = threads[first];
    bool waits = leader.wait == msl::kSimdgroupBarrier || leader.wait == msl::kSimdgroupExchange;
    for (size_t i = first; i < end && waits; ++i)
      waits = !threads[i].done && threads[i].wait == leader.wait && threads[i].site == leader.site;
    if (!waits)
      continue;
    unsigned flags = leader.flags;
    for (size_t i = first; i < end; ++i) {
      if (leader.wait == msl::kSimdgroupBarrier)
        advance(threads[i].simdgroup, flags, 1);
    }
    for (size_t i = first; i < end; ++i)
      threads[i].wait = msl::kRunning;
    released = true;
  }
  return released;
}

void releaseThreadgroup() {
  std::vector<Thread> &threads = current->threads;
  const Thread &first = threads.front();
  for (const Thread &each : threads) {
    if (each.done != first.done)
      fail("a thread has returned while others wait at a barrier (line %u): the barrier is not "
           "reached by all threads of the threadgroup",
           each.done ? first.site : each.site);
    if (each.wait != first.wait || each.site != first.site)
      fail("threads of a threadgroup wait at different barriers (lines %u and %u)", first.site,
           each.site);
  }
  if (first.wait != msl::kThreadgroupBarrier)
    fail("threads of a simdgroup wait for one another at line %u, but not all are there",
         first.site);
  advance(current->epoch, first.flags, msl::kThreadgroupStep);
  for (Thread &each : threads) {
    each.wait = msl::kRunning;
    each.simdgroup[0] = each.simdgroup[1] = 0;
  }
}

void arrange(std::vector<unsigned> &order, unsigned kind) {
  if (kind == 1)
    std::reverse(order.begin(), order.end());
  else if (kind > 1)
    std::shuffle(order.begin(), order.end(), current->random);
}

void runThreadgroup(unsigned kind) {
  Launch &launch = *current;
  std::iota(launch.order.begin(), launch.order.end(), 0u);
  arrange(launch.order, kind);
  if (!launch.entry->synchronizes) {
    for (unsigned index : launch.order) {
      msl_state.threadIndex = index;
      launch.entry->body(launch.bindings);
    }
    return;
  }
  for (size_t index = 0; index < launch.threads.size(); ++index) {
    launch.threads[index] = {};
    if (index < fibers.size())
      fibers[index]->reset();
    else
      fibers.push_back(std::make_unique<Fiber>(runThread));
  }
  size_t running = launch.threads.size();
  while (running) {
    for (unsigned index : launch.order) {
      if (launch.threads[index].done || launch.threads[index].wait != msl::kRunning)
        continue;
      resume(index);
      running -= launch.threads[index].done;
    }
    if (!running)
      break;
    if (!releaseSimdgroups())
      releaseThreadgroup();
    if (kind > 1)
      arrange(launch.order, kind);
  }
}

void onSignal(int signal) {
  // Only the kernel's own faults come here: nothing else runs between the handlers' lives.
  snprintf(current->message, current->capacity, "%s",
           signal == SIGFPE ? "an integer division by zero or an overflowing one"
                            : "an access to memory that is not there");
  siglongjmp(current->failure, 1);
}

/// The handlers of faults while kernels run; Python's own come back afterwards.
class FaultHandlers {
public:
  FaultHandlers() {
    static std::vector<char> stack(64 * 1024);
    stack_t alternate = {};
    alternate.ss_sp = stack.data();
    alternate.ss_size = stack.size();
    sigaltstack(&alternate, &previousStack);
    struct sigaction action = {};
    action.sa_handler = onSignal;
    action.sa_flags = SA_ONSTACK;
    for (size_t i = 0; i < std::size(kSignals); ++i)
      sigaction(kSignals[i], &action, &previous[i]);
  }
  ~FaultHandlers() {
    for (size_t i = 0; i < std::size(kSignals); ++i)
      sigaction(kSignals[i], &previous[i], nullptr);
    sigaltstack(&previousStack, nullptr);
  }

private:
  static constexpr int kSignals[] = {SIGFPE, SIGSEGV, SIGBUS};
  struct sigaction previous[std::size(kSignals)];
  stack_t previousStack;
};

const char *describe(msl::Memory memory, int binding, char (&text)[32]) {
  if (memory == kThreadgroupMemory)
    return "threadgroup memory";
  snprintf(text, sizeof(text), "buffer(%d)", binding);
  return text;
}

} // namespace

extern "C" {

void msl_wait(msl::Wait kind, unsigned site, unsigned flags) {
  Thread &self = current->threads[msl_state.threadIndex];
  self.wait = kind;
  self.site = site;
  self.flags = flags;
  switchExecution(fibers[msl_state.threadIndex]->context, current->scheduler);
}

unsigned long msl_exchange(unsigned site, unsigned long bits, unsigned source) {
  unsigned index = msl_state.threadIndex;
  unsigned first = index - index % msl::kSimdgroupSize;
  current->threads[index].bits = bits;
  msl_wait(msl::kSimdgroupExchange, site, 0);
  unsigned from = first + source % msl::kSimdgroupSize;
  unsigned long received = current->threads[from < current->threads.size() ? from : index].bits;
  // Nobody gives anew before all have taken.
  msl_wait(msl::kSimdgroupExchange, site, 0);
  return received;
}

void msl_fail_race(msl::Memory memory, int binding, unsigned long element, unsigned other) {
  char text[32];
  char whom[64] = "several threads";
  if (!(other & msl::kSeveralOfGroup))
    snprintf(whom, sizeof(whom), "thread %u of threadgroup %u", (other - 1) % msl_state.threads,
             (other - 1) / msl_state.threads);
  fail(
      "data race: thread %u of threadgroup %u and %s use element %lu of %s with no barrier between",
      msl_state.threadIndex, msl_state.groupIndex, whom, element, describe(memory, binding, text));
}

void msl_fail_bounds(msl::Memory memory, int binding, long element, unsigned long count) {
  char text[32];
  fail("thread %u of threadgroup %u uses element %ld of %s, which has %lu", msl_state.threadIndex,
       msl_state.groupIndex, element, describe(memory, binding, text), count);
}

void msl_fail_unwritten(unsigned long element) {
  fail("thread %u of threadgroup %u reads element %lu of threadgroup memory that nobody wrote",
       msl_state.threadIndex, msl_state.groupIndex, element);
}

/// One launch of `groups` threadgroups of `threads`. Order 0 is ascending, 1 descending, any other
/// the seed of a shuffle. Bindings that the kernel writes get their cells here. Returns 0, or 1
/// with a message.
int msl_run(const msl::Entry *entry, msl::Binding *bindings, unsigned groups, unsigned threads,
            unsigned order, char *message, size_t capacity) {
  Launch launch = {};
  launch.entry = entry;
  launch.bindings = bindings;
  launch.message = message;
  launch.capacity = capacity;
  launch.threads.resize(threads);
  launch.order.resize(threads);
  launch.random.seed(order);
  for (unsigned i = 0; i < entry->bindings; ++i) {
    if (unsigned size = entry->elementSizes[i])
      bindings[i].cells =
          static_cast<msl::Cell *>(calloc(bindings[i].bytes / size + 1, sizeof(msl::Cell)));
  }
  std::vector<unsigned> groupOrder(groups);
  std::iota(groupOrder.begin(), groupOrder.end(), 0u);
  current = &launch;
  arrange(groupOrder, order);
  volatile int status = 0;
  {
    FaultHandlers handlers;
    if (sigsetjmp(launch.failure, 1)) {
      status = 1;
    } else {
      for (unsigned group : groupOrder) {
        msl_state.groupIndex = group;
        msl_state.groups = groups;
        msl_state.threads = threads;
        ++msl_state.serial;
        launch.epoch[0] = launch.epoch[1] = 0;
        msl_state.stamp[0] = msl_state.stamp[1] = 0;
        runThreadgroup(order);
      }
    }
  }
  current = nullptr;
  for (unsigned i = 0; i < entry->bindings; ++i) {
    free(bindings[i].cells);
    bindings[i].cells = nullptr;
  }
  return status;
}
}
