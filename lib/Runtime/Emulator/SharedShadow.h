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

  /// Records a load; true when there is a conflict, which is then filled in.
  bool load(size_t offset, size_t bytes, const Moment &now, Conflict &conflict);
  bool store(size_t offset, size_t bytes, const Moment &now, Conflict &conflict);
  /// Between these two the bytes belong to a copy in flight: any access is a
  /// conflict.
  bool beginCopy(size_t offset, size_t bytes, const Moment &now, Conflict &conflict);
  void endCopy(size_t offset, size_t bytes, const Moment &now);

private:
  /// Lanes of one warp, or of several, count as these threads.
  static constexpr int16_t kSeveralOfWarp = -1;
  static constexpr int16_t kSeveralWarps = -2;
  struct Access {
    uint32_t epoch = 0; ///< the first epoch of a launch is 1
    uint32_t warpEpoch = 0;
    int16_t thread = 0;
    int16_t warp = 0;
  };
  struct Cell {
    Access store, load;
    int32_t copying = -1; ///< the thread whose copy is in flight
  };

  static bool unordered(const Access &access, const Moment &now) {
    if (access.epoch != now.epoch || access.thread == now.thread)
      return false;
    return access.warp != now.warp || access.thread == kSeveralWarps ||
           access.warpEpoch == now.warpEpoch;
  }
  static Access make(const Moment &now) {
    return {now.epoch, now.warpEpoch, static_cast<int16_t>(now.thread),
            static_cast<int16_t>(now.warp)};
  }
  /// Makes cells small enough that an access covers whole ones.
  void refine(size_t offset, size_t bytes) {
    if ((offset | bytes) & ((size_t(1) << shift) - 1))
      split(offset | bytes);
  }
  void split(size_t alignment);

  /// One for each 1 << shift bytes; most kernels only touch whole words.
  std::vector<Cell> cells;
  unsigned shift = kLargestShift;
  static constexpr unsigned kLargestShift = 2;
};

// Called beside every access of a kernel, so inline.

inline bool SharedShadow::load(size_t offset, size_t bytes, const Moment &now, Conflict &conflict) {
  refine(offset, bytes);
  for (size_t i = offset >> shift; i < (offset + bytes) >> shift; ++i) {
    Cell &cell = cells[i];
    if (cell.copying >= 0) {
      conflict = {cell.copying, i << shift, true, true};
      return true;
    }
    if (unordered(cell.store, now)) {
      conflict = {cell.store.thread, i << shift, true, false};
      return true;
    }
    Access &last = cell.load;
    bool sameWarp = last.warp == now.warp && last.thread != kSeveralWarps;
    if (last.epoch != now.epoch || (sameWarp && last.warpEpoch != now.warpEpoch))
      last = make(now);
    else if (last.thread != now.thread)
      last.thread = sameWarp ? kSeveralOfWarp : kSeveralWarps;
  }
  return false;
}

inline bool SharedShadow::store(size_t offset, size_t bytes, const Moment &now,
                                Conflict &conflict) {
  refine(offset, bytes);
  for (size_t i = offset >> shift; i < (offset + bytes) >> shift; ++i) {
    Cell &cell = cells[i];
    if (cell.copying >= 0) {
      conflict = {cell.copying, i << shift, true, true};
      return true;
    }
    if (unordered(cell.store, now)) {
      conflict = {cell.store.thread, i << shift, true, false};
      return true;
    }
    if (unordered(cell.load, now)) {
      conflict = {cell.load.thread, i << shift, false, false};
      return true;
    }
    cell.store = make(now);
  }
  return false;
}

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EMULATOR_SHAREDSHADOW_H
