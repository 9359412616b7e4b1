// SPDX-License-Identifier: Apache-2.0
// The grid: blocks one after another, in several orders whose results are compared.
#include "Emulator.h"

#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace torsh::runtime {
namespace {
/// Neither a number that kernels compute with nor one they mask: what a block
/// reads and never wrote shows in its results.
constexpr char kUninitialised = '\xff';
constexpr size_t kSharedAlignment = 128;

/// A fixed permutation, so that a failure can be seen again.
void shuffle(std::vector<int64_t> &order, uint64_t seed) {
  for (size_t i = order.size(); i > 1; --i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    std::swap(order[i - 1], order[(seed >> 33) % i]);
  }
}

std::vector<int64_t> positions(int64_t count, ThreadOrder order) {
  std::vector<int64_t> result(static_cast<size_t>(count));
  std::iota(result.begin(), result.end(), 0);
  if (order == ThreadOrder::Descending)
    std::reverse(result.begin(), result.end());
  else if (order == ThreadOrder::Shuffled)
    shuffle(result, static_cast<uint64_t>(count));
  return result;
}
} // namespace

Emulator &Emulator::current() {
  thread_local Emulator emulator;
  return emulator;
}

Emulator::~Emulator() = default;

void Emulator::launch(const EmulatedLaunch &launch, const std::vector<ThreadOrder> &orders) {
  running = &launch;
  lastOperand = 0;
  error.clear();
  sharedMemory.resize(launch.sharedBytes + kSharedAlignment);
  auto address = reinterpret_cast<uintptr_t>(sharedMemory.data());
  shared = sharedMemory.data() + (kSharedAlignment - address % kSharedAlignment);
  size_t warpCount = static_cast<size_t>((launch.threads + kWarpSize - 1) / kWarpSize);
  warps.resize(warpCount);
  while (threads.size() < static_cast<size_t>(launch.threads))
    threads.push_back(std::make_unique<EmulatedThread>());

  WrittenBytes first;
  for (size_t i = 0; i < orders.size(); ++i) {
    epoch = 0;
    warpEpochs.assign(warpCount, 0);
    sharedShadow.resize(launch.sharedBytes);
    globalShadow.clear();
    runGrid(orders[i]);
    if (!error.empty()) {
      releaseFibers();
      globalShadow.clear();
      throw Error(ErrorKind::Program, "kernel \"" + launch.name + "\": " + error);
    }
    if (i == 0 && orders.size() > 1)
      first = globalShadow.written();
    else if (i > 0)
      compareOrders(first, globalShadow.written());
    if (i + 1 < orders.size())
      globalShadow.restore();
  }
  globalShadow.clear();
}

void Emulator::runGrid(ThreadOrder order) {
  std::vector<int32_t> threadOrder;
  for (int64_t thread : positions(running->threads, order))
    threadOrder.push_back(static_cast<int32_t>(thread));
  for (int64_t block : positions(running->blocks, order)) {
    runBlock(block, threadOrder);
    if (!error.empty())
      return;
  }
}

void Emulator::compareOrders(const WrittenBytes &first, const WrittenBytes &other) const {
  auto fail = [&](uintptr_t address, const char *what) {
    throw Error(ErrorKind::Program, "kernel \"" + running->name +
                                        "\": " + describeOperand(address) + " " + what +
                                        " the order in which threads run");
  };
  for (size_t i = 0; i < std::max(first.pieces.size(), other.pieces.size()); ++i) {
    if (i == first.pieces.size() || i == other.pieces.size())
      fail((i < first.pieces.size() ? first : other).pieces[i].address, "is written depending on");
    const WrittenBytes::Piece &a = first.pieces[i], &b = other.pieces[i];
    if (a.address != b.address || a.bytes.size() != b.bytes.size())
      fail(std::max(a.address, b.address), "is written depending on");
    auto differing = std::mismatch(a.bytes.begin(), a.bytes.end(), b.bytes.begin());
    if (differing.first != a.bytes.end())
      fail(a.address + static_cast<uintptr_t>(differing.first - a.bytes.begin()), "depends on");
  }
}

void Emulator::prepareBlock(int64_t block) {
  currentBlock = block;
  waiting = done = 0;
  ++epoch;
  std::memset(shared, kUninitialised, running->sharedBytes);
  for (WarpMeeting &warp : warps)
    warp.arrived = 0;
  for (int32_t i = 0; i < running->threads; ++i) {
    EmulatedThread &thread = *threads[static_cast<size_t>(i)];
    thread.functions = &kEmulatorFunctions;
    thread.shared = shared;
    thread.thread_index = i;
    thread.block_index = static_cast<int32_t>(block);
    thread.block_size = running->threads;
    thread.grid_size = static_cast<int32_t>(running->blocks);
    thread.lane = i % kWarpSize;
    thread.warp = i / kWarpSize;
    thread.emulator = this;
    thread.fiber = nullptr;
    thread.state = EmulatedThread::State::Ready;
    thread.copies.clear();
    thread.committedGroups = 0;
    thread.doubleStore.pointer = nullptr;
  }
}

std::string Emulator::describe(const EmulatedThread &thread) const {
  return "thread " + std::to_string(thread.thread_index) + " of block " +
         std::to_string(currentBlock);
}

std::string Emulator::describeOperand(uintptr_t address) const {
  for (size_t i = 0; i < running->operands.size(); ++i) {
    auto begin = reinterpret_cast<uintptr_t>(running->operands[i].begin);
    if (address >= begin && address - begin < running->operands[i].bytes)
      return "byte " + std::to_string(address - begin) + " of operand " + std::to_string(i);
  }
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
  return std::string("the byte at ") + text;
}

} // namespace torsh::runtime
