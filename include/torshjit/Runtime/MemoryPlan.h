// SPDX-License-Identifier: Apache-2.0
// Places buffers with known lifetimes in one arena.
#ifndef TORSHJIT_RUNTIME_MEMORYPLAN_H
#define TORSHJIT_RUNTIME_MEMORYPLAN_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace torsh::runtime {

/// A cache line, the widest vector and the alignment of every buffer.
inline constexpr size_t kBufferAlignment = 64;

/// Steps first..last, both included.
struct Lifetime {
  size_t first = 0;
  size_t last = 0;
  bool overlaps(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

struct MemoryPlan {
  std::vector<size_t> offsets; ///< multiples of the alignment
  size_t peakBytes = 0;        ///< size of the arena
  size_t naivePeakBytes = 0;   ///< what one allocation per buffer would take
};

/// Greedy by size: the largest buffer first, each at the lowest offset where
/// no buffer that is alive at the same time lies. Throws Error(Shape) when the
/// sum of the sizes is not representable.
MemoryPlan planMemory(const std::vector<size_t> &sizes, const std::vector<Lifetime> &lifetimes,
                      size_t alignment = kBufferAlignment);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_MEMORYPLAN_H
