// SPDX-License-Identifier: Apache-2.0
// Greedy-by-size placement of buffers in an arena.
#include "torshjit/Runtime/MemoryPlan.h"

#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace torsh::runtime {
namespace {
size_t alignedSize(size_t bytes, size_t alignment) {
  if (bytes > std::numeric_limits<size_t>::max() - alignment)
    throw Error(ErrorKind::Shape, "a temporary's size overflows");
  return (bytes + alignment - 1) / alignment * alignment;
}
} // namespace

MemoryPlan planMemory(const std::vector<size_t> &sizes, const std::vector<Lifetime> &lifetimes,
                      size_t alignment) {
  if (sizes.size() != lifetimes.size())
    throw Error(ErrorKind::Program, "as many lifetimes as sizes are needed");
  MemoryPlan plan;
  plan.offsets.assign(sizes.size(), 0);

  std::vector<size_t> aligned(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    aligned[i] = alignedSize(sizes[i], alignment);
    if (__builtin_add_overflow(plan.naivePeakBytes, aligned[i], &plan.naivePeakBytes))
      throw Error(ErrorKind::Shape, "the sum of the temporaries overflows");
  }

  std::vector<size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  // Among equals the earlier one first, so that the plan is deterministic.
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return aligned[a] > aligned[b]; });

  // Placed buffers by rising offset: one sweep finds the first gap.
  std::vector<size_t> placed;
  placed.reserve(order.size());
  for (size_t buffer : order) {
    if (aligned[buffer] == 0)
      continue;
    size_t offset = 0;
    for (size_t other : placed) {
      if (!lifetimes[buffer].overlaps(lifetimes[other]))
        continue;
      if (plan.offsets[other] >= offset + aligned[buffer])
        break;
      offset = std::max(offset, plan.offsets[other] + aligned[other]);
    }
    plan.offsets[buffer] = offset;
    plan.peakBytes = std::max(plan.peakBytes, offset + aligned[buffer]);
    auto position =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](size_t value, size_t other) { return value < plan.offsets[other]; });
    placed.insert(position, buffer);
  }
  return plan;
}

} // namespace torsh::runtime
