// SPDX-License-Identifier: Apache-2.0
// Recycles the memory of large results. A fresh 4 KB page costs ten times the
// copy that fills it, so a result array gives its memory back on destruction.
#ifndef TORSHJIT_RUNTIME_OUTPUTPOOL_H
#define TORSHJIT_RUNTIME_OUTPUTPOOL_H

#include "torshjit/Runtime/ForkAwareMutex.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace torsh::runtime {

class OutputPool {
public:
  struct Statistics {
    uint64_t reused = 0;
    uint64_t allocated = 0;
    size_t liveBytes = 0;
    size_t cachedBytes = 0;
  };

  /// Results from this size on are worth recycling: malloc would map them.
  static constexpr size_t kThreshold = size_t(128) << 10;

  explicit OutputPool(size_t limitBytes) : limit(limitBytes) {}
  ~OutputPool();

  /// The pool of the process; TORSHJIT_OUTPUT_POOL_MB (256) bounds the memory
  /// kept for reuse. Never destroyed: arrays may outlive static destructors.
  static OutputPool &global();

  /// 64-byte aligned, contents undefined; throws std::bad_alloc.
  void *acquire(size_t bytes);
  /// `bytes` as given to acquire.
  void release(void *memory, size_t bytes) noexcept;
  Statistics statistics();
  void setLimit(size_t limitBytes);

private:
  struct Block {
    void *memory;
    size_t bytes;
  };
  /// Takes the least recently used blocks beyond `allowed` bytes out of the
  /// pool; the caller frees them outside the lock.
  std::vector<Block> evict(size_t allowed);

  ForkAwareMutex mutex;
  size_t limit;
  std::vector<Block> cached; ///< least recently released first
  Statistics stats;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_OUTPUTPOOL_H
