// SPDX-License-Identifier: Apache-2.0
// One block: its threads take turns, each until it waits for others or returns.
#include "Emulator.h"

#include <utility>

namespace torsh::runtime {
namespace {
using State = EmulatedThread::State;

/// What fibers start with: they cannot be given an argument.
thread_local Emulator *startingEmulator = nullptr;
} // namespace

void Emulator::runBlock(int64_t block, const std::vector<int32_t> &order) {
  prepareBlock(block);
  while (done < running->threads) {
    bool progress = false;
    for (int32_t index : order) {
      EmulatedThread &thread = *threads[static_cast<size_t>(index)];
      if (thread.state != State::Ready)
        continue;
      progress = true;
      resume(thread);
      if (!error.empty())
        return;
    }
    if (waiting + done == running->threads && waiting > 0) {
      releaseBarrier();
      if (!error.empty())
        return;
      progress = true;
    }
    if (!progress) {
      // Some lanes of a warp wait for others that are elsewhere.
      for (int32_t index : order) {
        const EmulatedThread &thread = *threads[static_cast<size_t>(index)];
        if (thread.state != State::InWarp)
          continue;
        const WarpMeeting &warp = warps[static_cast<size_t>(thread.warp)];
        uint32_t missing = warp.mask & ~warp.arrived;
        int32_t lane = 0;
        while (!(missing >> lane & 1))
          ++lane;
        error = describe(thread) + " waits at a warp instruction for lane " + std::to_string(lane) +
                ", which does not come to it";
        return;
      }
    }
  }
}

void Emulator::releaseBarrier() {
  int32_t site = -1;
  const EmulatedThread *waiter = nullptr, *ended = nullptr;
  for (int32_t i = 0; i < running->threads; ++i) {
    const EmulatedThread &thread = *threads[static_cast<size_t>(i)];
    if (thread.state == State::Done) {
      ended = &thread;
      continue;
    }
    if (waiter && thread.site != site) {
      error = describe(*waiter) + " and " + describe(thread) + " wait at different barriers";
      return;
    }
    waiter = &thread;
    site = thread.site;
  }
  if (waiter && ended) {
    error =
        describe(*waiter) + " waits at a barrier that " + describe(*ended) + " has ended without";
    return;
  }
  waiting = 0;
  ++epoch;
  for (int32_t i = 0; i < running->threads; ++i)
    threads[static_cast<size_t>(i)]->state = State::Ready;
}

void Emulator::resume(EmulatedThread &thread) {
  if (!thread.fiber) {
    if (freeFibers.empty()) {
      fibers.push_back(std::make_unique<Fiber>(fiberMain));
      freeFibers.push_back(fibers.back().get());
    }
    thread.fiber = freeFibers.back();
    freeFibers.pop_back();
  }
  active = &thread;
  startingEmulator = this;
  switchExecution(scheduler, thread.fiber->context);
  if (thread.state == State::Done) {
    freeFibers.push_back(thread.fiber);
    thread.fiber = nullptr;
  }
}

void Emulator::fiberMain() {
  Emulator &emulator = *startingEmulator;
  // A fiber whose thread has ended takes the next one without a new start.
  for (;;) {
    EmulatedThread &thread = *emulator.active;
    emulator.running->entry(emulator.running->pointers, emulator.running->sizes, &thread);
    emulator.checkDoubleStore(thread);
    emulator.finishCopies(thread, thread.committedGroups + 1);
    thread.state = State::Done;
    ++emulator.done;
    emulator.switchToScheduler(thread);
  }
}

void Emulator::switchToScheduler(EmulatedThread &thread) {
  switchExecution(thread.fiber->context, scheduler);
}

void Emulator::waitAtBarrier(EmulatedThread &thread, int32_t site) {
  checkDoubleStore(thread);
  thread.state = State::AtBarrier;
  thread.site = site;
  ++waiting;
  switchToScheduler(thread);
}

void Emulator::fail(std::string message) {
  // Moved, for the fiber's stack is forgotten with all that is on it.
  error = std::move(message);
  for (;;)
    switchToScheduler(*active);
}

void Emulator::releaseFibers() {
  // Some stand in the middle of a kernel.
  freeFibers.clear();
  for (const std::unique_ptr<Fiber> &fiber : fibers) {
    fiber->reset();
    freeFibers.push_back(fiber.get());
  }
}

} // namespace torsh::runtime
