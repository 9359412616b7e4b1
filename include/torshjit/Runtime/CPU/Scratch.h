// SPDX-License-Identifier: Apache-2.0
// Grow-only stack memory of one worker thread.
#ifndef TORSHJIT_RUNTIME_CPU_SCRATCH_H
#define TORSHJIT_RUNTIME_CPU_SCRATCH_H

#include <cstddef>
#include <vector>

namespace torsh::runtime {

/// Chunks are kept when they are released, so a kernel that is called again
/// finds its pages mapped and warm.
class Scratch {
public:
  struct Mark {
    size_t chunk = 0;
    size_t used = 0;
  };

  Scratch() = default;
  ~Scratch();
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  /// 64-byte aligned; throws std::bad_alloc.
  void *allocate(size_t bytes);
  Mark mark() const { return top; }
  /// Releases everything allocated since `mark`.
  void release(Mark mark) { top = mark; }

private:
  struct Chunk {
    char *memory;
    size_t bytes;
  };
  std::vector<Chunk> chunks;
  Mark top;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CPU_SCRATCH_H
