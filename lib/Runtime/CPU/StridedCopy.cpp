// SPDX-License-Identifier: Apache-2.0
// Copies rows where neighbours are neighbours in both, and tiles of whole cache lines where the
// source's are neighbours along another axis.
#include "torshjit/Runtime/CPU/StridedCopy.h"

#include "torshjit/Runtime/CPU/ThreadPool.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace torsh::runtime {
namespace {
/// Lines are read and written whole: a square of elements has as many bytes along either axis.
constexpr int64_t kLine = 64;
/// Bytes of a tile of such squares along the axis of the source's neighbours and along the
/// destination's: no page is left before a good part of it is done.
constexpr int64_t kTileRows = 512, kTileRun = 256;
/// Bytes that are copied at a time where there is one axis, and by a thread at least.
constexpr int64_t kPiece = int64_t(16) << 10, kGrain = int64_t(64) << 10;

struct Axis {
  int64_t extent;
  int64_t from; ///< bytes between neighbours of the source
  int64_t to;   ///< and of the destination
};

template <typename T>
void copySquare(char *to, const char *from, const Axis &near, const Axis &last, int64_t rows,
                int64_t columns) {
  constexpr int64_t n = kLine / sizeof(T);
  if (rows == n && columns == n && near.from == sizeof(T) && last.to == sizeof(T)) {
    // Lines that lie a power of two apart share a few places of the first cache, so that each is
    // read or written at once.
    alignas(kLine) T lines[n][n];
    for (int64_t i = 0; i < n; ++i)
      std::memcpy(lines[i], from + i * last.from, kLine);
    for (int64_t row = 0; row < n; ++row) {
      alignas(kLine) T line[n];
      for (int64_t i = 0; i < n; ++i)
        line[i] = lines[i][row];
      std::memcpy(to + row * near.to, line, kLine);
    }
    return;
  }
  for (int64_t row = 0; row < rows; ++row, to += near.to, from += near.from)
    for (int64_t column = 0; column < columns; ++column)
      *reinterpret_cast<T *>(to + column * last.to) =
          *reinterpret_cast<const T *>(from + column * last.from);
}

struct Pair {
  alignas(8) uint64_t halves[2];
};

class StridedCopy {
public:
  StridedCopy(void *destination, const void *source, size_t elementBytes, size_t rank,
              const int64_t *shape, const int64_t *strides)
      : to(static_cast<char *>(destination)), from(static_cast<const char *>(source)),
        bytes(static_cast<int64_t>(elementBytes)) {
    int64_t distance = bytes;
    for (size_t i = rank; i-- > 0;) {
      if (shape[i] != 1)
        addOuter({shape[i], strides[i], distance});
      distance *= shape[i];
    }
    total = distance;
    std::reverse(axes.begin(), axes.end());
  }

  void run() {
    if (total == 0)
      return;
    last = axes.empty() ? Axis{1, bytes, bytes} : axes.back();
    if (!axes.empty())
      axes.pop_back();
    near = {1, 0, 0};
    isTiled = last.from != bytes && takeNearest();
    if (!isTiled && !axes.empty()) {
      near = axes.back();
      axes.pop_back();
    }
    perPiece = (isTiled ? kTileRun : kPiece) / bytes;
    perTile = isTiled ? kTileRows / bytes
                      : std::max<int64_t>(1, kPiece / bytes / std::min(perPiece, last.extent));
    tiles = ceilDiv(near.extent, perTile);
    pieces = ceilDiv(last.extent, perPiece);
    int64_t units = tiles * pieces;
    for (const Axis &axis : axes)
      units *= axis.extent;
    int64_t grain = std::max<int64_t>(1, kGrain / ceilDiv(total, units));
    Worker &worker = Worker::current();
    worker.parallel_for(
        &worker,
        [](void *self, int64_t begin, int64_t end, TorshWorker *) {
          for (; begin < end; ++begin)
            static_cast<StridedCopy *>(self)->copyUnit(begin);
        },
        this, units, grain);
  }

private:
  /// Axes are added from the innermost; one that goes on where the last one ends is part of it.
  void addOuter(Axis axis) {
    if (!axes.empty() && axis.from == axes.back().from * axes.back().extent)
      axes.back().extent *= axis.extent;
    else
      axes.push_back(axis);
  }

  /// The axis along which the source's elements lie closest, where they lie closer than along
  /// the last.
  bool takeNearest() {
    auto distance = [](const Axis &axis) { return std::abs(axis.from); };
    auto nearest = std::min_element(axes.begin(), axes.end(), [&](const Axis &a, const Axis &b) {
      return distance(a) < distance(b);
    });
    if (nearest == axes.end() || distance(*nearest) >= distance(last))
      return false;
    near = *nearest;
    axes.erase(nearest);
    return true;
  }

  static int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

  /// A tile, or a piece of the last axis for some places of the one before.
  void copyUnit(int64_t unit) const {
    int64_t column = unit % pieces * perPiece, rest = unit / pieces;
    int64_t row = rest % tiles * perTile;
    rest /= tiles;
    int64_t rows = std::min(perTile, near.extent - row);
    int64_t columns = std::min(perPiece, last.extent - column);
    char *at = to + row * near.to + column * last.to;
    const char *of = from + row * near.from + column * last.from;
    for (size_t i = axes.size(); i-- > 0; rest /= axes[i].extent) {
      at += rest % axes[i].extent * axes[i].to;
      of += rest % axes[i].extent * axes[i].from;
    }
    if (!isTiled && last.from == bytes && columns * bytes >= kLine) {
      for (int64_t i = 0; i < rows; ++i)
        std::memcpy(at + i * near.to, of + i * near.from, static_cast<size_t>(columns * bytes));
      return;
    }
    if (!isTiled)
      return copyElements(at, of, rows, columns);
    int64_t side = kLine / bytes;
    auto forEachSquare = [&](auto &&visit) {
      for (int64_t i = 0; i < rows; i += side)
        for (int64_t j = 0; j < columns; j += side)
          visit(at + i * near.to + j * last.to, of + i * near.from + j * last.from,
                std::min(side, rows - i), std::min(side, columns - j));
    };
    // What is read and written a square later has been asked for by then.
    char *nextTo = nullptr;
    const char *nextFrom = nullptr;
    int64_t nextRows = 0, nextColumns = 0;
    forEachSquare([&](char *squareTo, const char *squareFrom, int64_t height, int64_t width) {
      for (int64_t i = 0; i < width; ++i)
        __builtin_prefetch(squareFrom + i * last.from);
      for (int64_t i = 0; i < height; ++i)
        __builtin_prefetch(squareTo + i * near.to, 1);
      if (nextTo)
        copyElements(nextTo, nextFrom, nextRows, nextColumns);
      nextTo = squareTo, nextFrom = squareFrom, nextRows = height, nextColumns = width;
    });
    copyElements(nextTo, nextFrom, nextRows, nextColumns);
  }

  void copyElements(char *at, const char *of, int64_t rows, int64_t columns) const {
    switch (bytes) {
    case 1:
      return copySquare<uint8_t>(at, of, near, last, rows, columns);
    case 2:
      return copySquare<uint16_t>(at, of, near, last, rows, columns);
    case 4:
      return copySquare<uint32_t>(at, of, near, last, rows, columns);
    case 8:
      return copySquare<uint64_t>(at, of, near, last, rows, columns);
    default:
      return copySquare<Pair>(at, of, near, last, rows, columns);
    }
  }

  char *to;
  const char *from;
  int64_t bytes, total;
  std::vector<Axis> axes; ///< but for the two below, from the outermost
  Axis near;              ///< along which the source's elements lie closest, else the last but one
  Axis last;
  bool isTiled;
  int64_t perTile, tiles, perPiece, pieces; ///< elements of each of the nearest, and of the last
};
} // namespace

void copyStrided(void *destination, const void *source, size_t elementBytes, size_t rank,
                 const int64_t *shape, const int64_t *strides) {
  StridedCopy(destination, source, elementBytes, rank, shape, strides).run();
}

} // namespace torsh::runtime
