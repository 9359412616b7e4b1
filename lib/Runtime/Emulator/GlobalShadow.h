// SPDX-License-Identifier: Apache-2.0
// What a launch has written to global memory: by whom, and what was there before.
#ifndef TORSHJIT_RUNTIME_EMULATOR_GLOBALSHADOW_H
#define TORSHJIT_RUNTIME_EMULATOR_GLOBALSHADOW_H

#include "SharedShadow.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace torsh::runtime {

/// The bytes that one run of a launch wrote, so that another run's can be compared.
struct WrittenBytes {
  struct Piece {
    uintptr_t address;
    std::vector<uint8_t> bytes;
  };
  std::vector<Piece> pieces; ///< by address, disjoint
};

class GlobalShadow {
public:
  /// Whether another thread wrote some of the bytes, with no barrier since.
  /// The functions below then say where and who.
  bool load(uintptr_t address, size_t bytes, int64_t block, const Moment &now);
  /// As `load`; the write is recorded either way, and the bytes' contents are kept
  /// if it is the first one.
  bool store(uintptr_t address, size_t bytes, int64_t block, const Moment &now);
  /// Of the last race that was found.
  uintptr_t raceAddress() const { return race.address; }
  int64_t raceBlock() const { return race.block; }
  int32_t raceThread() const { return race.thread; }

  /// What was written, as it is now.
  WrittenBytes written() const;
  /// Puts back what was there before.
  void restore();
  /// Forgets everything.
  void clear();

private:
  static constexpr size_t kPageBytes = 4096;
  struct Writer {
    int32_t block = -1; ///< none yet
    uint32_t epoch = 0;
    uint32_t warpEpoch = 0;
    int16_t thread = 0;
    int16_t warp = 0;
  };
  struct Page {
    std::array<Writer, kPageBytes> writers;
    std::array<uint8_t, kPageBytes> before;
  };
  Page *find(uintptr_t number) const;
  Page &findOrAdd(uintptr_t number);
  static bool unordered(const Writer &writer, int64_t block, const Moment &now);

  std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages;
  std::vector<std::unique_ptr<Page>> spare;
  /// The page that was asked for last; most accesses stay on one.
  static constexpr size_t kCached = 16;
  mutable std::array<std::pair<uintptr_t, Page *>, kCached> cache{};
  struct {
    uintptr_t address;
    int64_t block;
    int32_t thread;
  } race{};
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EMULATOR_GLOBALSHADOW_H
