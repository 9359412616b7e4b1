// SPDX-License-Identifier: Apache-2.0
// Holds every ForkAwareMutex across fork().
#include "torshjit/Runtime/ForkAwareMutex.h"

#include <pthread.h>

namespace torsh::runtime {

struct ForkAwareMutexRegistry {
  std::mutex mutex;
  ForkAwareMutex *first = nullptr;

  /// Never destroyed: mutexes of leaked objects may outlive static destructors.
  static ForkAwareMutexRegistry &global() {
    static ForkAwareMutexRegistry *registry = [] {
      auto *created = new ForkAwareMutexRegistry;
      pthread_atfork([] { global().lockAll(); }, [] { global().unlockAll(); },
                     [] { global().unlockAll(); });
      return created;
    }();
    return *registry;
  }

  void lockAll() {
    mutex.lock();
    for (ForkAwareMutex *m = first; m; m = m->next)
      m->mutex.lock();
  }
  void unlockAll() {
    for (ForkAwareMutex *m = first; m; m = m->next)
      m->mutex.unlock();
    mutex.unlock();
  }
  void add(ForkAwareMutex *m) {
    std::lock_guard<std::mutex> lock(mutex);
    m->next = first;
    if (first)
      first->previous = m;
    first = m;
  }
  void remove(ForkAwareMutex *m) {
    std::lock_guard<std::mutex> lock(mutex);
    if (m->next)
      m->next->previous = m->previous;
    (m->previous ? m->previous->next : first) = m->next;
  }
};

ForkAwareMutex::ForkAwareMutex() { ForkAwareMutexRegistry::global().add(this); }
ForkAwareMutex::~ForkAwareMutex() { ForkAwareMutexRegistry::global().remove(this); }

} // namespace torsh::runtime
