// SPDX-License-Identifier: Apache-2.0
// Race detection on shared memory.
#include "SharedShadow.h"

namespace torsh::runtime {

void SharedShadow::resize(size_t bytes) { cells.assign(bytes, Cell()); }

bool SharedShadow::unordered(const Access &access, const Moment &now) {
  if (access.epoch != now.epoch || access.thread == now.thread)
    return false;
  return access.warp != now.warp || access.thread == kSeveralWarps ||
         access.warpEpoch == now.warpEpoch;
}

bool SharedShadow::load(size_t offset, size_t bytes, const Moment &now, Conflict &conflict) {
  for (size_t i = offset; i < offset + bytes; ++i) {
    Cell &cell = cells[i];
    if (cell.copying >= 0) {
      conflict = {cell.copying, i, true, true};
      return true;
    }
    if (unordered(cell.store, now)) {
      conflict = {cell.store.thread, i, true, false};
      return true;
    }
    Access &last = cell.load;
    bool sameWarp = last.warp == now.warp && last.thread != kSeveralWarps;
    if (last.epoch != now.epoch || (sameWarp && last.warpEpoch != now.warpEpoch))
      last = {now.epoch, now.warpEpoch, now.thread, now.warp};
    else if (last.thread != now.thread)
      last.thread = sameWarp ? kSeveralOfWarp : kSeveralWarps;
  }
  return false;
}

bool SharedShadow::store(size_t offset, size_t bytes, const Moment &now, Conflict &conflict) {
  for (size_t i = offset; i < offset + bytes; ++i) {
    Cell &cell = cells[i];
    if (cell.copying >= 0) {
      conflict = {cell.copying, i, true, true};
      return true;
    }
    if (unordered(cell.store, now)) {
      conflict = {cell.store.thread, i, true, false};
      return true;
    }
    if (unordered(cell.load, now)) {
      conflict = {cell.load.thread, i, false, false};
      return true;
    }
    cell.store = {now.epoch, now.warpEpoch, now.thread, now.warp};
  }
  return false;
}

bool SharedShadow::beginCopy(size_t offset, size_t bytes, const Moment &now, Conflict &conflict) {
  if (store(offset, bytes, now, conflict))
    return true;
  for (size_t i = offset; i < offset + bytes; ++i)
    cells[i].copying = now.thread;
  return false;
}

void SharedShadow::endCopy(size_t offset, size_t bytes, const Moment &now) {
  for (size_t i = offset; i < offset + bytes; ++i) {
    cells[i].copying = -1;
    cells[i].store = {now.epoch, now.warpEpoch, now.thread, now.warp};
  }
}

} // namespace torsh::runtime
