// SPDX-License-Identifier: Apache-2.0
// Instructions that the lanes of a warp execute together.
#include "Emulator.h"
#include "HalfPrecision.h"

#include <algorithm>
#include <cstring>

namespace torsh::runtime {
namespace {
constexpr int kRowBytes = 16;

using Lanes = WarpMeeting::Lane[kWarpSize];

template <typename Visit> void forEachLane(uint32_t mask, Visit visit) {
  for (int32_t lane = 0; lane < kWarpSize; ++lane)
    if (mask >> lane & 1)
      visit(lane);
}

/// The lane that `lane` reads from, as PTX defines it for shfl; negative when there
/// is none in range, and it keeps its own value.
int32_t sourceLane(int32_t kind, int32_t lane, uint32_t offset, uint32_t clamp) {
  auto segment = static_cast<int32_t>(clamp >> 8 & 31), by = static_cast<int32_t>(offset & 31);
  int32_t first = lane & segment;
  int32_t last = first | (static_cast<int32_t>(clamp & 31) & ~segment);
  int32_t source = 0;
  switch (kind) {
  case TORSH_SHUFFLE_UP:
    source = lane - by;
    return source >= last ? source : -1;
  case TORSH_SHUFFLE_DOWN:
    source = lane + by;
    break;
  case TORSH_SHUFFLE_BUTTERFLY:
    source = lane ^ by;
    break;
  default:
    source = first | (by & ~segment);
  }
  return source <= last ? source : -1;
}

uint32_t combine(int32_t kind, uint32_t a, uint32_t b) {
  auto x = static_cast<int32_t>(a), y = static_cast<int32_t>(b);
  switch (kind) {
  case TORSH_REDUCE_ADD:
    return a + b;
  case TORSH_REDUCE_AND:
    return a & b;
  case TORSH_REDUCE_OR:
    return a | b;
  case TORSH_REDUCE_XOR:
    return a ^ b;
  case TORSH_REDUCE_MAX_SIGNED:
    return static_cast<uint32_t>(std::max(x, y));
  case TORSH_REDUCE_MIN_SIGNED:
    return static_cast<uint32_t>(std::min(x, y));
  case TORSH_REDUCE_MAX_UNSIGNED:
    return std::max(a, b);
  default:
    return std::min(a, b);
  }
}

void performReduce(WarpMeeting &meeting) {
  bool first = true;
  uint32_t result = 0;
  forEachLane(meeting.mask, [&](int32_t lane) {
    uint32_t value = meeting.lanes[lane].words[0];
    result = first ? value : combine(meeting.variant, result, value);
    first = false;
  });
  forEachLane(meeting.mask, [&](int32_t lane) { meeting.lanes[lane].result[0] = result; });
}

void performVote(WarpMeeting &meeting) {
  uint32_t ballot = 0;
  forEachLane(meeting.mask,
              [&](int32_t lane) { ballot |= uint32_t(meeting.lanes[lane].words[0] != 0) << lane; });
  uint32_t result = ballot;
  if (meeting.variant == TORSH_VOTE_ANY)
    result = ballot != 0;
  else if (meeting.variant == TORSH_VOTE_ALL)
    result = ballot == meeting.mask;
  else if (meeting.variant == TORSH_VOTE_UNIFORM)
    result = ballot == 0 || ballot == meeting.mask;
  forEachLane(meeting.mask, [&](int32_t lane) { meeting.lanes[lane].result[0] = result; });
}

/// An m16n8 matrix multiplication whose registers lie in the lanes as PTX defines it.
struct MatrixLayout {
  int32_t kind;
  const Lanes &lanes;

  bool isTF32() const { return kind == TORSH_MATRIX_TF32_F32; }
  int depth() const { return isTF32() ? 8 : 16; }
  static constexpr int kRegistersOfA = 4, kRegistersOfB = 2;

  /// Element k of the group of lanes and registers that holds one row of A or one
  /// column of B: `register` is that of the first half of k, `step` further that of
  /// the second.
  float element(int group, int k, int firstRegister, int step) const {
    int perRegister = isTF32() ? 1 : 2, half = 4 * perRegister;
    const WarpMeeting::Lane &lane = lanes[group * 4 + k % half / perRegister];
    uint32_t word = lane.words[firstRegister + (k / half) * step];
    if (isTF32())
      return floatOfBits(word & ~uint32_t(0x1fff)); // the bits that tf32 has
    auto bits = static_cast<uint16_t>(k & 1 ? word >> 16 : word);
    return kind == TORSH_MATRIX_BF16_F32 ? floatOfBF16(bits) : floatOfHalf(bits);
  }
  float a(int row, int k) const { return element(row % 8, k, row / 8, 2); }
  float b(int k, int column) const { return element(column, k, kRegistersOfA, 1); }
};

void performMultiply(WarpMeeting &meeting) {
  MatrixLayout layout{meeting.variant, meeting.lanes};
  bool half = meeting.variant == TORSH_MATRIX_F16_F16;
  float a[16][16], b[16][8];
  for (int k = 0; k < layout.depth(); ++k) {
    for (int row = 0; row < 16; ++row)
      a[row][k] = layout.a(row, k);
    for (int column = 0; column < 8; ++column)
      b[k][column] = layout.b(k, column);
  }
  constexpr int kFirstOfC = MatrixLayout::kRegistersOfA + MatrixLayout::kRegistersOfB;
  for (int lane = 0; lane < kWarpSize; ++lane) {
    WarpMeeting::Lane &registers = meeting.lanes[lane];
    uint32_t results[4] = {};
    for (int i = 0; i < 4; ++i) {
      int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      // Products of these are exact in double, and so is nearly every sum.
      double sum = 0;
      for (int k = 0; k < layout.depth(); ++k)
        sum += static_cast<double>(a[row][k]) * static_cast<double>(b[k][column]);
      if (half) {
        uint32_t c = registers.words[kFirstOfC + i / 2] >> i % 2 * 16;
        double total = sum + static_cast<double>(floatOfHalf(static_cast<uint16_t>(c)));
        results[i / 2] |= uint32_t(halfOfDouble(total)) << i % 2 * 16;
      } else {
        double total = sum + static_cast<double>(floatOfBits(registers.words[kFirstOfC + i]));
        results[i] = bitsOfFloat(static_cast<float>(total));
      }
    }
    std::memcpy(registers.result, results, half ? 8 : 16);
  }
}
} // namespace

void Emulator::performLoadMatrix(WarpMeeting &meeting, int32_t warp) {
  int32_t count = meeting.variant >> 1;
  bool transposed = meeting.variant & 1;
  for (int32_t lane = 0; lane < 8 * count; ++lane) {
    const char *row = meeting.lanes[lane].row;
    EmulatedThread &owner = threadOf(warp, lane);
    if (reinterpret_cast<uintptr_t>(row) % kRowBytes)
      fail(describe(owner) + " gives ldmatrix a row that is not aligned to 16 bytes");
    accessShared(owner, row, kRowBytes, /*alignment=*/kRowBytes, /*isStore=*/false);
  }
  for (int32_t lane = 0; lane < kWarpSize; ++lane)
    for (int32_t matrix = 0; matrix < count; ++matrix) {
      uint32_t word = 0;
      for (int32_t i = 0; i < 2; ++i) {
        int32_t row = lane / 4, column = lane % 4 * 2 + i;
        if (transposed)
          std::swap(row, column);
        uint16_t element;
        std::memcpy(&element, meeting.lanes[matrix * 8 + row].row + ptrdiff_t(2) * column,
                    sizeof element);
        word |= uint32_t(element) << 16 * i;
      }
      meeting.lanes[lane].result[matrix] = word;
    }
}

void Emulator::perform(WarpMeeting &meeting, int32_t warp) {
  switch (meeting.kind) {
  case WarpMeeting::Kind::Barrier:
    // A part of a warp orders only itself, which one count a warp cannot express.
    if (meeting.mask == warpMask(warp))
      ++warpEpochs[static_cast<size_t>(warp)];
    return;
  case WarpMeeting::Kind::Shuffle:
    forEachLane(meeting.mask, [&](int32_t lane) {
      WarpMeeting::Lane &own = meeting.lanes[lane];
      int32_t source = sourceLane(meeting.variant, lane, own.words[1], own.words[2]);
      own.result[1] = source >= 0;
      if (source < 0)
        source = lane;
      if (!(meeting.mask >> source & 1))
        fail(describe(threadOf(warp, lane)) + " shuffles from lane " + std::to_string(source) +
             ", which takes no part");
      own.result[0] = meeting.lanes[source].words[0];
    });
    return;
  case WarpMeeting::Kind::Vote:
    return performVote(meeting);
  case WarpMeeting::Kind::Reduce:
    return performReduce(meeting);
  case WarpMeeting::Kind::LoadMatrix:
    return performLoadMatrix(meeting, warp);
  case WarpMeeting::Kind::MultiplyMatrix:
    return performMultiply(meeting);
  }
}

uint32_t Emulator::warpMask(int32_t warp) const {
  int32_t lanes = std::min(running->threads - warp * kWarpSize, kWarpSize);
  return lanes == kWarpSize ? ~uint32_t(0) : (uint32_t(1) << lanes) - 1;
}

void Emulator::meetWarp(EmulatedThread &thread, WarpMeeting::Kind kind, int32_t variant,
                        uint32_t mask, int32_t site, const WarpMeeting::Lane &deposit) {
  checkDoubleStore(thread);
  bool wholeWarp =
      kind == WarpMeeting::Kind::LoadMatrix || kind == WarpMeeting::Kind::MultiplyMatrix;
  if (wholeWarp && warpMask(thread.warp) != mask)
    fail(describe(thread) + " executes a matrix instruction in a warp of fewer than 32 threads");
  mask &= warpMask(thread.warp);
  uint32_t bit = uint32_t(1) << thread.lane;
  if (!(mask & bit))
    fail(describe(thread) + " executes a warp instruction whose mask is without it");
  WarpMeeting &meeting = warps[static_cast<size_t>(thread.warp)];
  if (!meeting.arrived) {
    meeting.kind = kind;
    meeting.variant = variant;
    meeting.site = site;
    meeting.mask = mask;
  } else if (meeting.kind != kind || meeting.variant != variant || meeting.site != site ||
             meeting.mask != mask) {
    fail(describe(thread) + " and other lanes of its warp execute different warp instructions");
  }
  meeting.lanes[thread.lane] = deposit;
  meeting.arrived |= bit;
  if (meeting.arrived != mask) {
    thread.state = EmulatedThread::State::InWarp;
    thread.site = site;
    return switchToScheduler(thread);
  }
  perform(meeting, thread.warp);
  meeting.arrived = 0;
  forEachLane(mask, [&](int32_t lane) {
    threadOf(thread.warp, lane).state = EmulatedThread::State::Ready;
  });
}

} // namespace torsh::runtime
