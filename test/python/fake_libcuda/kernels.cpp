// SPDX-License-Identifier: Apache-2.0
// The kernels of the fake CUDA driver: whole grids, run thread by thread, with CUDA's parameters:
// one pointer per operand, then one 64-bit integer per size.
#include "state.h"

#include <cstdint>

using namespace fake;

namespace {
template <typename T> T *operand(void **parameters, int index) {
  return *static_cast<T **>(parameters[index]);
}
int64_t size(void **parameters, int index) { return *static_cast<int64_t *>(parameters[index]); }

bool ownsAll(void **parameters, int operands, size_t bytes) {
  for (int i = 0; i < operands; ++i)
    if (!State::get().owns(operand<char>(parameters, i), bytes))
      return false;
  return true;
}

/// Calls `body` for each element in the way of a kernel with a loop over the grid.
template <typename Body> void gridStride(unsigned grid, unsigned block, int64_t n, Body body) {
  int64_t threads = int64_t(grid) * block;
  for (int64_t thread = 0; thread < threads; ++thread)
    for (int64_t i = thread; i < n; i += threads)
      body(i);
}

int add(unsigned grid, unsigned block, void **p) {
  int64_t n = size(p, 3);
  if (!ownsAll(p, 3, sizeof(float) * static_cast<size_t>(n)))
    return IllegalAddress;
  gridStride(grid, block, n, [&](int64_t i) {
    operand<float>(p, 2)[i] = operand<float>(p, 0)[i] + operand<float>(p, 1)[i];
  });
  return Success;
}
} // namespace

extern "C" {
int fake_add(unsigned grid, unsigned block, void **p) { return add(grid, block, p); }
/// The same: the log tells which of them was launched.
int fake_add_by_four(unsigned grid, unsigned block, void **p) { return add(grid, block, p); }

int fake_scale_f64(unsigned grid, unsigned block, void **p) {
  int64_t n = size(p, 3);
  if (!ownsAll(p, 2, sizeof(double)) || !State::get().owns(operand<double>(p, 2), 8u * unsigned(n)))
    return IllegalAddress;
  gridStride(grid, block, n, [&](int64_t i) {
    operand<double>(p, 2)[i] = operand<double>(p, 0)[i] * *operand<double>(p, 1);
  });
  return Success;
}

/// Adds one thread's number per thread: a grid that is too small or too large shows.
int fake_count_threads(unsigned grid, unsigned block, void **p) {
  if (!ownsAll(p, 1, sizeof(int64_t)))
    return IllegalAddress;
  *operand<int64_t>(p, 0) = int64_t(grid) * block;
  return Success;
}
}
