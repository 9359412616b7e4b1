// SPDX-License-Identifier: Apache-2.0
// Race detection on global memory, and undoing a run.
#include "GlobalShadow.h"

#include <algorithm>
#include <cstring>

namespace torsh::runtime {

GlobalShadow::Page *GlobalShadow::find(uintptr_t number) const {
  auto &entry = cache[number % kCached];
  // An absent page is cached as well, so that inputs cost one look.
  if (entry.first == number + 1)
    return entry.second;
  auto found = pages.find(number);
  entry = {number + 1, found == pages.end() ? nullptr : found->second.get()};
  return entry.second;
}

GlobalShadow::Page &GlobalShadow::findOrAdd(uintptr_t number) {
  if (Page *page = find(number))
    return *page;
  std::unique_ptr<Page> &page = pages[number];
  if (spare.empty()) {
    page = std::make_unique<Page>();
  } else {
    page = std::move(spare.back());
    spare.pop_back();
    page->writers.fill(Writer());
  }
  cache[number % kCached] = {number + 1, page.get()};
  return *page;
}

bool GlobalShadow::unordered(const Writer &writer, int64_t block, const Moment &now) {
  if (writer.block < 0)
    return false;
  // Nothing orders two blocks of a launch.
  if (writer.block != block)
    return true;
  if (writer.thread == now.thread || writer.epoch != now.epoch)
    return false;
  return writer.warp != now.warp || writer.warpEpoch == now.warpEpoch;
}

bool GlobalShadow::load(uintptr_t address, size_t bytes, int64_t block, const Moment &now) {
  for (uintptr_t end = address + bytes; address < end; ++address) {
    const Page *page = find(address / kPageBytes);
    if (!page) {
      address |= kPageBytes - 1;
      continue;
    }
    const Writer &writer = page->writers[address % kPageBytes];
    if (unordered(writer, block, now)) {
      race = {address, writer.block, writer.thread};
      return true;
    }
  }
  return false;
}

bool GlobalShadow::store(uintptr_t address, size_t bytes, int64_t block, const Moment &now) {
  bool raced = false;
  for (uintptr_t end = address + bytes; address < end; ++address) {
    Page &page = findOrAdd(address / kPageBytes);
    Writer &writer = page.writers[address % kPageBytes];
    if (writer.block < 0) {
      page.before[address % kPageBytes] = *reinterpret_cast<const uint8_t *>(address);
    } else if (!raced && unordered(writer, block, now)) {
      race = {address, writer.block, writer.thread};
      raced = true;
    }
    writer = {static_cast<int32_t>(block), now.epoch, now.warpEpoch,
              static_cast<int16_t>(now.thread), static_cast<int16_t>(now.warp)};
  }
  return raced;
}

WrittenBytes GlobalShadow::written() const {
  std::vector<uintptr_t> numbers;
  numbers.reserve(pages.size());
  for (const auto &[number, page] : pages)
    numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  WrittenBytes result;
  for (uintptr_t number : numbers) {
    const Page &page = *pages.at(number);
    for (size_t i = 0; i < kPageBytes;) {
      if (page.writers[i].block < 0) {
        ++i;
        continue;
      }
      size_t first = i;
      while (i < kPageBytes && page.writers[i].block >= 0)
        ++i;
      uintptr_t address = number * kPageBytes + first;
      const auto *bytes = reinterpret_cast<const uint8_t *>(address);
      result.pieces.push_back({address, std::vector<uint8_t>(bytes, bytes + (i - first))});
    }
  }
  return result;
}

void GlobalShadow::restore() {
  for (const auto &[number, page] : pages)
    for (size_t i = 0; i < kPageBytes; ++i)
      if (page->writers[i].block >= 0)
        *reinterpret_cast<uint8_t *>(number * kPageBytes + i) = page->before[i];
}

void GlobalShadow::clear() {
  constexpr size_t kSpare = 64;
  for (auto &[number, page] : pages)
    if (spare.size() < kSpare)
      spare.push_back(std::move(page));
  pages.clear();
  cache.fill({0, nullptr});
}

} // namespace torsh::runtime
