// SPDX-License-Identifier: Apache-2.0
// Launches, copies and memory in the order of a stream.
#include "torshjit/Runtime/CUDA/StreamQueue.h"

#include "torshjit/Runtime/CUDA/PTXModules.h"

#include <array>
#include <cstring>
#include <vector>

namespace torsh::runtime::cuda {
namespace {
CUdeviceptr addressOf(const void *memory) { return reinterpret_cast<CUdeviceptr>(memory); }

/// A kernel's parameters by address, on the stack unless there are many.
class Parameters {
public:
  Parameters(const BundledKernel &kernel, void *const *pointers, const int64_t *sizes)
      : count(kernel.operands.size() + kernel.numSizes) {
    if (count > local.size())
      heap.resize(count);
    void **next = data();
    for (size_t i = 0; i < kernel.operands.size(); ++i)
      *next++ = static_cast<void *>(const_cast<void **>(pointers + i));
    for (size_t i = 0; i < kernel.numSizes; ++i)
      *next++ = const_cast<int64_t *>(sizes + i);
  }
  void **data() { return heap.empty() ? local.data() : heap.data(); }

private:
  size_t count;
  std::array<void *, 32> local;
  std::vector<void *> heap;
};
} // namespace

void StreamQueue::launch(KernelHandle handle, void *const *pointers, const int64_t *sizes) {
  const auto &kernel = *reinterpret_cast<const LoadedKernel *>(handle);
  const KernelVariant &variant = chooseVariant(*kernel.bundled, pointers, sizes);
  int64_t grid = gridSize(variant, sizes, device.maxGrid());
  if (grid == 0)
    return;
  const LoadedKernel::Variant &loaded =
      kernel.variants[static_cast<size_t>(&variant - kernel.bundled->variants.data())];
  Parameters parameters(*kernel.bundled, pointers, sizes);
  ContextScope current(driver, device.context());
  driver.check(driver.launchKernel(loaded.function, static_cast<unsigned>(grid), 1, 1,
                                   variant.threads, 1, 1, loaded.dynamicSharedBytes, stream,
                                   parameters.data(), nullptr),
               "cuLaunchKernel", ", launching " + variant.entry);
}

void StreamQueue::copy(void *destination, const void *source, size_t bytes) {
  if (!bytes)
    return;
  ContextScope current(driver, device.context());
  driver.check(driver.memcpyDtoDAsync(addressOf(destination), addressOf(source), bytes, stream),
               "cuMemcpyDtoDAsync");
}

void StreamQueue::synchronize() {
  ContextScope current(driver, device.context());
  driver.check(driver.streamSynchronize(stream), "cuStreamSynchronize");
}

void *StreamQueue::allocate(size_t bytes) {
  ContextScope current(driver, device.context());
  CUdeviceptr memory = 0;
  if (device.memoryPool())
    driver.check(driver.memAllocFromPoolAsync(&memory, bytes, device.memoryPool(), stream),
                 "cuMemAllocFromPoolAsync");
  else
    driver.check(driver.memAlloc(&memory, bytes), "cuMemAlloc");
  return reinterpret_cast<void *>(memory);
}

void StreamQueue::release(void *memory) noexcept {
  // Without a pool the driver waits for the device first, so that this is right too. A failure is
  // an earlier error of the device, which the next call reports.
  ContextScope current(driver, device.context());
  if (device.memoryPool())
    driver.memFreeAsync(addressOf(memory), stream);
  else
    driver.memFree(addressOf(memory));
}

void StreamQueue::upload(void *destination, const void *source, size_t bytes) {
  ContextScope current(driver, device.context());
  CUdeviceptr to = addressOf(destination);
  auto value = [&](auto word) {
    std::memcpy(&word, source, sizeof(word));
    return word;
  };
  // A number becomes part of the command: a graph would read a copy's source at each replay, when
  // it is long gone.
  switch (bytes) {
  case 1:
    driver.check(driver.memsetD8Async(to, value(uint8_t()), 1, stream), "cuMemsetD8Async");
    return;
  case 2:
    driver.check(driver.memsetD16Async(to, value(uint16_t()), 1, stream), "cuMemsetD16Async");
    return;
  case 4:
  case 8:
  case 12:
  case 16:
    for (size_t offset = 0; offset < bytes; offset += 4) {
      uint32_t word;
      std::memcpy(&word, static_cast<const char *>(source) + offset, sizeof(word));
      driver.check(driver.memsetD32Async(to + offset, word, 1, stream), "cuMemsetD32Async");
    }
    return;
  default:
    driver.check(driver.memcpyHtoDAsync(to, source, bytes, stream), "cuMemcpyHtoDAsync");
  }
}

} // namespace torsh::runtime::cuda
