// SPDX-License-Identifier: Apache-2.0
// Runs kernels on the calling thread, which the pool's workers help.
#include "torshjit/Runtime/CPU/CPUDevice.h"

#include "torshjit/Runtime/CPU/AlignedMemory.h"
#include "torshjit/Runtime/CPU/SharedObject.h"
#include "torshjit/Runtime/CPU/ThreadPool.h"

#include <cstring>

namespace torsh::runtime {
namespace {
struct CopyContext {
  char *destination;
  const char *source;
};

void copyChunk(void *context, int64_t begin, int64_t end, TorshWorker *) {
  auto *copy = static_cast<CopyContext *>(context);
  std::memcpy(copy->destination + begin, copy->source + begin, static_cast<size_t>(end - begin));
}

class CPUQueue : public Queue {
public:
  void launch(KernelHandle kernel, void *const *pointers, const int64_t *sizes) override {
    Scratch::Mark mark = worker.scratchMemory.mark();
    reinterpret_cast<TorshKernel>(kernel)(pointers, sizes, &worker);
    worker.scratchMemory.release(mark);
  }
  void copy(void *destination, const void *source, size_t bytes) override {
    // One thread does not saturate memory, but small copies stay in a cache.
    constexpr int64_t kGrain = int64_t(512) << 10;
    CopyContext context{static_cast<char *>(destination), static_cast<const char *>(source)};
    if (bytes)
      worker.parallel_for(&worker, copyChunk, &context, static_cast<int64_t>(bytes), kGrain);
  }
  void synchronize() override {}

private:
  Worker &worker = Worker::current();
};
} // namespace

CPUDevice &CPUDevice::global() {
  // Never destroyed: executables may outlive static destructors. Asking for
  // the thread count reports a bad TORSHJIT_NUM_THREADS while exceptions can
  // still travel.
  static auto *device = (ThreadPool::threadCount(), new CPUDevice);
  return *device;
}

void *CPUDevice::allocate(size_t bytes) { return allocateAligned(bytes); }

void CPUDevice::deallocate(void *memory, size_t bytes) noexcept { freeAligned(memory, bytes); }

void CPUDevice::upload(void *destination, const void *source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

void CPUDevice::download(void *destination, const void *source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

std::unique_ptr<KernelLibrary> CPUDevice::load(std::string_view binary) {
  return std::make_unique<SharedObject>(binary);
}

Queue &CPUDevice::queue() {
  thread_local CPUQueue queue;
  return queue;
}

} // namespace torsh::runtime
