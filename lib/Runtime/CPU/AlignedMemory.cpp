// SPDX-License-Identifier: Apache-2.0
// Small blocks from the C library, large ones mapped at huge-page boundaries.
#include "torshjit/Runtime/CPU/AlignedMemory.h"

#include "torshjit/Runtime/MemoryPlan.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <sys/mman.h>

namespace torsh::runtime {
namespace {
constexpr size_t kHugePage = size_t(2) << 20;
constexpr size_t kPage = 4096;

size_t roundUp(size_t bytes, size_t unit) {
  if (bytes > std::numeric_limits<size_t>::max() - kHugePage - unit)
    throw std::bad_alloc();
  return (bytes + unit - 1) / unit * unit;
}

/// Only whole, aligned huge pages are promoted, so the mapping is over-sized
/// and cut to start at one.
void *mapHuge(size_t bytes) {
  size_t size = roundUp(bytes, kPage);
  size_t reserved = size + kHugePage;
  void *mapping =
      mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    throw std::bad_alloc();
  uintptr_t begin = reinterpret_cast<uintptr_t>(mapping);
  uintptr_t aligned = (begin + kHugePage - 1) / kHugePage * kHugePage;
  if (aligned > begin)
    munmap(mapping, aligned - begin);
  if (size_t tail = begin + reserved - (aligned + size))
    munmap(reinterpret_cast<void *>(aligned + size), tail);
  void *memory = reinterpret_cast<void *>(aligned);
#ifdef MADV_HUGEPAGE
  madvise(memory, size, MADV_HUGEPAGE); // advice: small pages work too
#endif
  return memory;
}
} // namespace

void *allocateAligned(size_t bytes) {
  if (bytes >= kHugePage)
    return mapHuge(bytes);
  size_t size = roundUp(bytes ? bytes : 1, kBufferAlignment);
  void *memory = std::aligned_alloc(kBufferAlignment, size);
  if (!memory)
    throw std::bad_alloc();
  return memory;
}

void freeAligned(void *memory, size_t bytes) noexcept {
  if (memory && bytes >= kHugePage)
    munmap(memory, (bytes + kPage - 1) / kPage * kPage);
  else
    std::free(memory);
}

} // namespace torsh::runtime
