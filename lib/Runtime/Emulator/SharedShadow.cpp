// SPDX-License-Identifier: Apache-2.0
// Race detection on shared memory.
#include "SharedShadow.h"

#include <utility>

namespace torsh::runtime {

void SharedShadow::resize(size_t bytes) {
  shift = kLargestShift;
  cells.assign((bytes >> shift) + 1, Cell());
}

void SharedShadow::split(size_t alignment) {
  unsigned smaller = 0;
  while (!(alignment >> smaller & 1))
    ++smaller;
  std::vector<Cell> parts;
  parts.reserve(cells.size() << (shift - smaller));
  for (const Cell &cell : cells)
    parts.insert(parts.end(), size_t(1) << (shift - smaller), cell);
  cells = std::move(parts);
  shift = smaller;
}

bool SharedShadow::beginCopy(size_t offset, size_t bytes, const Moment &now, Conflict &conflict) {
  if (store(offset, bytes, now, conflict))
    return true;
  for (size_t i = offset >> shift; i < (offset + bytes) >> shift; ++i)
    cells[i].copying = now.thread;
  return false;
}

void SharedShadow::endCopy(size_t offset, size_t bytes, const Moment &now) {
  refine(offset, bytes);
  for (size_t i = offset >> shift; i < (offset + bytes) >> shift; ++i) {
    cells[i].copying = -1;
    cells[i].store = make(now);
  }
}

} // namespace torsh::runtime
