// SPDX-License-Identifier: Apache-2.0
// Keeps released result memory for the next result of about the same size.
#include "torshjit/Runtime/OutputPool.h"

#include "torshjit/Runtime/CPU/AlignedMemory.h"
#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string>

namespace torsh::runtime {
namespace {
/// Eight size classes per power of two: at most 1/8 of a block is unused, and
/// slightly different shapes still share blocks.
size_t classSize(size_t bytes) {
  size_t step = 4096;
  while (bytes / step >= 16)
    step *= 2;
  return (bytes + step - 1) / step * step;
}

size_t limitFromEnvironment() {
  constexpr size_t kDefault = 256;
  size_t megabytes = kDefault;
  if (const char *text = std::getenv("TORSHJIT_OUTPUT_POOL_MB"); text && *text) {
    char *end = nullptr;
    long long parsed = std::strtoll(text, &end, 10);
    if (*end || parsed < 0 || parsed > (1ll << 30))
      throw Error(ErrorKind::Option, "TORSHJIT_OUTPUT_POOL_MB: expected a size in MiB, got \"" +
                                         std::string(text) + "\"");
    megabytes = static_cast<size_t>(parsed);
  }
  return megabytes << 20;
}
} // namespace

OutputPool &OutputPool::global() {
  static auto *pool = new OutputPool(limitFromEnvironment());
  return *pool;
}

OutputPool::~OutputPool() {
  for (const Block &block : cached)
    freeAligned(block.memory, block.bytes);
}

void *OutputPool::acquire(size_t bytes) {
  size_t size = classSize(bytes);
  {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    stats.liveBytes += size;
    // The most recently released block is the likeliest to be in a cache.
    auto found = std::find_if(cached.rbegin(), cached.rend(),
                              [&](const Block &b) { return b.bytes == size; });
    if (found != cached.rend()) {
      void *memory = found->memory;
      cached.erase(std::next(found).base());
      stats.cachedBytes -= size;
      ++stats.reused;
      return memory;
    }
    ++stats.allocated;
  }
  try {
    return allocateAligned(size);
  } catch (...) {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    stats.liveBytes -= size;
    throw;
  }
}

void OutputPool::release(void *memory, size_t bytes) noexcept {
  size_t size = classSize(bytes);
  std::vector<Block> surplus;
  {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    stats.liveBytes -= size;
    try {
      if (size <= limit) {
        surplus = evict(limit - size);
        cached.push_back({memory, size});
        stats.cachedBytes += size;
        memory = nullptr;
      }
    } catch (...) {
      // No room for the bookkeeping: the block is freed instead of kept.
    }
  }
  if (memory)
    freeAligned(memory, size);
  for (const Block &block : surplus)
    freeAligned(block.memory, block.bytes);
}

std::vector<OutputPool::Block> OutputPool::evict(size_t allowed) {
  size_t count = 0;
  size_t remaining = stats.cachedBytes;
  while (remaining > allowed)
    remaining -= cached[count++].bytes;
  auto end = cached.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Block> surplus(cached.begin(), end);
  cached.erase(cached.begin(), end);
  stats.cachedBytes = remaining;
  return surplus;
}

OutputPool::Statistics OutputPool::statistics() {
  std::lock_guard<ForkAwareMutex> lock(mutex);
  return stats;
}

void OutputPool::setLimit(size_t limitBytes) {
  std::vector<Block> surplus;
  {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    limit = limitBytes;
    surplus = evict(limit);
  }
  for (const Block &block : surplus)
    freeAligned(block.memory, block.bytes);
}

} // namespace torsh::runtime
