// SPDX-License-Identifier: Apache-2.0
// What happens beside each load and store of a kernel.
#include "Emulator.h"

#include <algorithm>
#include <cstring>

namespace torsh::runtime {

bool Emulator::isShared(const void *pointer) const {
  const char *byte = static_cast<const char *>(pointer);
  return byte >= shared && byte < shared + running->sharedBytes;
}

void Emulator::accessShared(EmulatedThread &thread, const void *pointer, size_t bytes,
                            size_t alignment, bool isStore) {
  checkDoubleStore(thread);
  checkAlignment(thread, pointer, bytes, alignment, isStore);
  auto offset = static_cast<size_t>(static_cast<const char *>(pointer) - shared);
  if (offset > running->sharedBytes || bytes > running->sharedBytes - offset)
    failOutsideOfShared(thread, offset, bytes, isStore);
  SharedShadow::Conflict conflict;
  bool conflicts = isStore ? sharedShadow.store(offset, bytes, momentOf(thread), conflict)
                           : sharedShadow.load(offset, bytes, momentOf(thread), conflict);
  if (conflicts)
    failInConflict(thread, conflict, isStore);
}

void Emulator::failOutsideOfShared(const EmulatedThread &thread, size_t offset, size_t bytes,
                                   bool isStore) {
  fail(describe(thread) + (isStore ? " stores " : " loads ") + std::to_string(bytes) +
       " bytes at offset " + std::to_string(static_cast<int64_t>(offset)) +
       " of a shared memory of " + std::to_string(running->sharedBytes));
}

void Emulator::failInConflict(const EmulatedThread &thread, const SharedShadow::Conflict &conflict,
                              bool isStore) {
  std::string other = conflict.other < 0 ? "several threads"
                      : conflict.other == thread.thread_index
                          ? "it"
                          : "thread " + std::to_string(conflict.other);
  std::string what = conflict.asynchronous  ? "copies to without having waited for"
                     : conflict.otherStored ? "stored to with no barrier since"
                                            : "loaded with no barrier since";
  fail("race on shared memory: " + describe(thread) + (isStore ? " stores" : " loads") + " byte " +
       std::to_string(conflict.offset) + ", which " + other + " " + what);
}

void Emulator::checkAlignment(const EmulatedThread &thread, const void *pointer, size_t bytes,
                              size_t alignment, bool isStore) {
  if (reinterpret_cast<uintptr_t>(pointer) % alignment)
    fail(describe(thread) + (isStore ? " stores " : " loads ") + std::to_string(bytes) +
         " bytes at an address that is no multiple of " + std::to_string(alignment));
}

void Emulator::checkBounds(const EmulatedThread &thread, const void *pointer, size_t bytes,
                           bool isStore) {
  const char *begin = static_cast<const char *>(pointer);
  auto contains = [&](const EmulatedLaunch::Operand &operand) {
    return begin >= operand.begin && bytes <= operand.bytes &&
           static_cast<size_t>(begin - operand.begin) <= operand.bytes - bytes &&
           (operand.isWritten || !isStore);
  };
  size_t count = running->operands.size();
  for (size_t i = 0; i < count; ++i) {
    size_t operand = (lastOperand + i) % count;
    if (contains(running->operands[operand])) {
      lastOperand = operand;
      return;
    }
  }
  std::string where;
  for (size_t i = 0; i < count; ++i) {
    const EmulatedLaunch::Operand &operand = running->operands[i];
    where += (i ? ", " : "") + std::to_string(i) + ": " + std::to_string(begin - operand.begin) +
             " of " + std::to_string(operand.bytes) + (operand.isWritten ? " (written)" : "");
  }
  fail(describe(thread) + (isStore ? " stores " : " loads ") + std::to_string(bytes) +
       " bytes outside of the operands" + (isStore ? " that are written" : "") +
       "; from the start of each: " + where);
}

void Emulator::accessGlobal(EmulatedThread &thread, const void *pointer, size_t bytes,
                            size_t alignment, bool isStore) {
  if (isShared(pointer))
    return accessShared(thread, pointer, bytes, alignment, isStore);
  checkDoubleStore(thread);
  if (thread.fiber->owns(pointer))
    return;
  checkAlignment(thread, pointer, bytes, alignment, isStore);
  checkBounds(thread, pointer, bytes, isStore);
  auto address = reinterpret_cast<uintptr_t>(pointer);
  if (!isStore) {
    if (globalShadow.load(address, bytes, currentBlock, momentOf(thread)))
      fail("race on global memory: " + describe(thread) + " loads " +
           describeOperand(globalShadow.raceAddress()) + ", which thread " +
           std::to_string(globalShadow.raceThread()) + " of block " +
           std::to_string(globalShadow.raceBlock()) + " stored to with no barrier since");
    return;
  }
  if (!globalShadow.store(address, bytes, currentBlock, momentOf(thread)))
    return;
  auto &kept = thread.doubleStore;
  kept.pointer = static_cast<const char *>(pointer);
  kept.bytes = std::min(bytes, sizeof kept.contents);
  std::memcpy(kept.contents, pointer, kept.bytes);
  kept.otherBlock = globalShadow.raceBlock();
  kept.otherThread = globalShadow.raceThread();
}

void Emulator::compareDoubleStore(EmulatedThread &thread) {
  auto &kept = thread.doubleStore;
  const char *pointer = kept.pointer;
  kept.pointer = nullptr;
  if (std::memcmp(pointer, kept.contents, kept.bytes) != 0)
    fail("race on global memory: " + describe(thread) + " and thread " +
         std::to_string(kept.otherThread) + " of block " + std::to_string(kept.otherBlock) +
         " store different values to " + describeOperand(reinterpret_cast<uintptr_t>(pointer)));
}

void Emulator::accessAtomic(EmulatedThread &thread, const void *pointer, size_t bytes) {
  checkDoubleStore(thread);
  if (isShared(pointer))
    return;
  checkBounds(thread, pointer, bytes, /*isStore=*/true);
  // Recorded so that the run can be undone; two of them are not a race.
  globalShadow.store(reinterpret_cast<uintptr_t>(pointer), bytes, currentBlock, momentOf(thread));
}

void Emulator::beginCopy(EmulatedThread &thread, const AsyncCopy &copy) {
  checkDoubleStore(thread);
  auto offset = static_cast<size_t>(copy.destination - shared);
  auto bytes = static_cast<size_t>(copy.bytes);
  if (offset > running->sharedBytes || bytes > running->sharedBytes - offset)
    fail(describe(thread) + " copies " + std::to_string(bytes) + " bytes to offset " +
         std::to_string(static_cast<int64_t>(offset)) + " of a shared memory of " +
         std::to_string(running->sharedBytes));
  if (reinterpret_cast<uintptr_t>(copy.destination) % bytes ||
      (copy.sourceBytes && reinterpret_cast<uintptr_t>(copy.source) % bytes))
    fail(describe(thread) + " copies " + std::to_string(bytes) +
         " bytes asynchronously between addresses that are not aligned so");
  SharedShadow::Conflict conflict;
  if (sharedShadow.beginCopy(offset, bytes, momentOf(thread), conflict))
    fail("race on shared memory: " + describe(thread) + " copies to byte " +
         std::to_string(conflict.offset) + ", which thread " + std::to_string(conflict.other) +
         " accessed with no barrier since");
  thread.copies.push_back(copy);
}

void Emulator::finishCopies(EmulatedThread &thread, int64_t beforeGroup) {
  auto pending = thread.copies.begin();
  for (; pending != thread.copies.end() && pending->group < beforeGroup; ++pending) {
    if (pending->sourceBytes)
      accessGlobal(thread, pending->source, static_cast<size_t>(pending->sourceBytes), 1, false);
    std::memcpy(pending->destination, pending->source, static_cast<size_t>(pending->sourceBytes));
    std::memset(pending->destination + pending->sourceBytes, 0,
                static_cast<size_t>(pending->bytes - pending->sourceBytes));
    sharedShadow.endCopy(static_cast<size_t>(pending->destination - shared),
                         static_cast<size_t>(pending->bytes), momentOf(thread));
  }
  thread.copies.erase(thread.copies.begin(), pending);
}

} // namespace torsh::runtime
