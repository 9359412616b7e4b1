// SPDX-License-Identifier: Apache-2.0
// Chunked stack allocation.
#include "torshjit/Runtime/CPU/Scratch.h"

#include "torshjit/Runtime/CPU/AlignedMemory.h"
#include "torshjit/Runtime/MemoryPlan.h"

#include <algorithm>
#include <limits>
#include <new>

namespace torsh::runtime {
namespace {
constexpr size_t kFirstChunk = size_t(64) << 10;
constexpr size_t kMaxDoubling = size_t(64) << 20;
} // namespace

Scratch::~Scratch() {
  for (const Chunk &chunk : chunks)
    freeAligned(chunk.memory, chunk.bytes);
}

void *Scratch::allocate(size_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max() / 2)
    throw std::bad_alloc();
  size_t size = std::max<size_t>(
      (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment, kBufferAlignment);
  // A chunk that is too small for this request is skipped, not lost: it comes
  // back with the next release.
  while (top.chunk < chunks.size()) {
    const Chunk &chunk = chunks[top.chunk];
    if (chunk.bytes - top.used >= size) {
      void *memory = chunk.memory + top.used;
      top.used += size;
      return memory;
    }
    ++top.chunk;
    top.used = 0;
  }
  size_t last = chunks.empty() ? 0 : chunks.back().bytes;
  size_t capacity = std::max({kFirstChunk, std::min(2 * last, kMaxDoubling), size});
  chunks.reserve(chunks.size() + 1);
  void *memory = allocateAligned(capacity);
  chunks.push_back({static_cast<char *>(memory), capacity});
  top = {chunks.size() - 1, size};
  return memory;
}

} // namespace torsh::runtime
