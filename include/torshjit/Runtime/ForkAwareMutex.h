// SPDX-License-Identifier: Apache-2.0
// A mutex that a forked child finds unlocked and its data consistent.
#ifndef TORSHJIT_RUNTIME_FORKAWAREMUTEX_H
#define TORSHJIT_RUNTIME_FORKAWAREMUTEX_H

#include <mutex>

namespace torsh::runtime {

/// A Python thread may fork while another is inside a call with the GIL
/// released. Every living ForkAwareMutex is held across fork(), so the child
/// never inherits a critical section cut in half. In return they must be leaf
/// locks: while one is held, take no other, create or destroy none, and never
/// wait for the GIL.
class ForkAwareMutex {
public:
  ForkAwareMutex();
  ~ForkAwareMutex();
  ForkAwareMutex(const ForkAwareMutex &) = delete;
  ForkAwareMutex &operator=(const ForkAwareMutex &) = delete;

  void lock() { mutex.lock(); }
  void unlock() { mutex.unlock(); }

private:
  friend struct ForkAwareMutexRegistry;
  std::mutex mutex;
  ForkAwareMutex *next = nullptr;
  ForkAwareMutex *previous = nullptr;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_FORKAWAREMUTEX_H
