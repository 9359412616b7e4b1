// SPDX-License-Identifier: Apache-2.0
// The functions that kernels reach through their thread.
#include "Emulator.h"
#include "HalfPrecision.h"

#include <cstring>

namespace torsh::runtime {
namespace {
EmulatedThread &of(TorshEmulatedThread *self) { return *static_cast<EmulatedThread *>(self); }

void loadShared(TorshEmulatedThread *self, const void *pointer, int64_t bytes, int64_t alignment) {
  of(self).emulator->accessShared(of(self), pointer, static_cast<size_t>(bytes),
                                  static_cast<size_t>(alignment), false);
}

void storeShared(TorshEmulatedThread *self, const void *pointer, int64_t bytes, int64_t alignment) {
  of(self).emulator->accessShared(of(self), pointer, static_cast<size_t>(bytes),
                                  static_cast<size_t>(alignment), true);
}

void loadGlobal(TorshEmulatedThread *self, const void *pointer, int64_t bytes, int64_t alignment) {
  of(self).emulator->accessGlobal(of(self), pointer, static_cast<size_t>(bytes),
                                  static_cast<size_t>(alignment), false);
}

void storeGlobal(TorshEmulatedThread *self, const void *pointer, int64_t bytes, int64_t alignment) {
  of(self).emulator->accessGlobal(of(self), pointer, static_cast<size_t>(bytes),
                                  static_cast<size_t>(alignment), true);
}

void atomic(TorshEmulatedThread *self, const void *pointer, int64_t bytes) {
  of(self).emulator->accessAtomic(of(self), pointer, static_cast<size_t>(bytes));
}

void barrier(TorshEmulatedThread *self, int32_t site) {
  of(self).emulator->waitAtBarrier(of(self), site);
}

void syncWarp(TorshEmulatedThread *self, uint32_t mask, int32_t site) {
  of(self).emulator->meetWarp(of(self), WarpMeeting::Kind::Barrier, 0, mask, site, {});
}

uint32_t shuffle(TorshEmulatedThread *self, int32_t kind, uint32_t mask, uint32_t value,
                 uint32_t offset, uint32_t clamp, int32_t site, int32_t *inRange) {
  uint32_t result[2];
  WarpMeeting::Lane lane{{value, offset, clamp}, nullptr, result};
  of(self).emulator->meetWarp(of(self), WarpMeeting::Kind::Shuffle, kind, mask, site, lane);
  *inRange = static_cast<int32_t>(result[1]);
  return result[0];
}

uint32_t vote(TorshEmulatedThread *self, int32_t kind, uint32_t mask, uint32_t predicate,
              int32_t site) {
  uint32_t result;
  WarpMeeting::Lane lane{{predicate}, nullptr, &result};
  of(self).emulator->meetWarp(of(self), WarpMeeting::Kind::Vote, kind, mask, site, lane);
  return result;
}

uint32_t reduce(TorshEmulatedThread *self, int32_t kind, uint32_t mask, uint32_t value,
                int32_t site) {
  uint32_t result;
  WarpMeeting::Lane lane{{value}, nullptr, &result};
  of(self).emulator->meetWarp(of(self), WarpMeeting::Kind::Reduce, kind, mask, site, lane);
  return result;
}

void loadMatrix(TorshEmulatedThread *self, const void *row, int32_t count, int32_t transposed,
                uint32_t *result, int32_t site) {
  WarpMeeting::Lane lane{{}, static_cast<const char *>(row), result};
  of(self).emulator->meetWarp(of(self), WarpMeeting::Kind::LoadMatrix,
                              count << 1 | (transposed != 0), ~uint32_t(0), site, lane);
}

void multiplyMatrix(TorshEmulatedThread *self, int32_t kind, const uint32_t *operands,
                    uint32_t *result, int32_t site) {
  WarpMeeting::Lane lane{{}, nullptr, result};
  size_t words = kind == TORSH_MATRIX_F16_F16 ? 8 : 10;
  std::memcpy(lane.words, operands, words * sizeof(uint32_t));
  of(self).emulator->meetWarp(of(self), WarpMeeting::Kind::MultiplyMatrix, kind, ~uint32_t(0), site,
                              lane);
}

void copyAsync(TorshEmulatedThread *self, void *destination, const void *source, int32_t bytes,
               int32_t sourceBytes) {
  of(self).emulator->beginCopy(of(self),
                               {static_cast<char *>(destination), static_cast<const char *>(source),
                                bytes, sourceBytes, of(self).committedGroups});
}

void commitCopies(TorshEmulatedThread *self) { ++of(self).committedGroups; }

void waitCopies(TorshEmulatedThread *self, int32_t pendingGroups) {
  of(self).emulator->finishCopies(of(self), of(self).committedGroups - pendingGroups);
}

void trap(TorshEmulatedThread *self) { of(self).emulator->fail("a thread has come to a trap"); }
} // namespace

const TorshEmulatorFunctions kEmulatorFunctions = {
    loadShared, storeShared,  loadGlobal, storeGlobal,  atomic,     barrier,
    syncWarp,   shuffle,      vote,       reduce,       loadMatrix, multiplyMatrix,
    copyAsync,  commitCopies, waitCopies, bf16OfDouble, trap};

} // namespace torsh::runtime
