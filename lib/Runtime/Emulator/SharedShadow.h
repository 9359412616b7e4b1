// SPDX-License-Identifier: Apache-2.0
// Who last touched each byte of a block's shared memory, and when.
#ifndef TORSHJIT_RUNTIME_EMULATOR_SHAREDSHADOW_H
#define TORSHJIT_RUNTIME_EMULATOR_SHAREDSHADOW_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace torsh::runtime {

/// When a thread does something, in terms of what orders threads: an epoch ends
/// with each barrier of the block, a warp's epoch with each barrier of the warp.
/// Neither is ever reused within a launch, so a new block needs no cleared shadow.
struct Moment {
  uint32_t epoch;
  uint32_t warpEpoch;
  int32_t thread;
  int32_t warp;
};

/// Finds accesses of one byte by two threads, one of them a store, that no barrier
/// orders. They are found whichever comes first in the order that is run.
class SharedShadow {
public:
  /// The other thread, or what else is wrong.
  struct Conflict {
    int32_t other;
    size_t offset;
    bool otherStored;
    bool asynchronous; ///< a copy that the other thread has not waited for
  };

  void resize(size_t bytes);
  size_t size() const { return cells.size(); }

  /// Records a load; true when there is a conflict, which is then filled in.
  bool load(size_t offset, size_t bytes, const Moment &now, Conflict &conflict);
  bool store(size_t offset, size_t bytes, const Moment &now, Conflict &conflict);
  /// Between these two the bytes belong to a copy in flight: any access is a
  /// conflict.
  bool beginCopy(size_t offset, size_t bytes, const Moment &now, Conflict &conflict);
  void endCopy(size_t offset, size_t bytes, const Moment &now);

private:
  struct Access {
    uint32_t epoch = 0; ///< the first epoch of a launch is 1
    uint32_t warpEpoch = 0;
    int32_t thread = 0; ///< or one of the two below
    int32_t warp = 0;
  };
  static constexpr int32_t kSeveralOfWarp = -1;
  static constexpr int32_t kSeveralWarps = -2;
  struct Cell {
    Access store, load;
    int32_t copying = -1; ///< the thread whose copy is in flight
  };

  static bool unordered(const Access &access, const Moment &now);
  std::vector<Cell> cells;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EMULATOR_SHAREDSHADOW_H
