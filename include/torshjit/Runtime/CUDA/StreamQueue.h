// SPDX-License-Identifier: Apache-2.0
// A CUDA stream as a queue.
#ifndef TORSHJIT_RUNTIME_CUDA_STREAMQUEUE_H
#define TORSHJIT_RUNTIME_CUDA_STREAMQUEUE_H

#include "torshjit/Runtime/CUDA/CUDADevice.h"

namespace torsh::runtime::cuda {

/// Works on a stream of the caller's, which it neither made nor destroys. Everything but
/// synchronize may be captured into a graph.
class StreamQueue : public Queue {
public:
  StreamQueue(const Driver &driver, const CUDADevice &device, CUstream stream)
      : driver(driver), device(device), stream(stream) {}
  void launch(KernelHandle kernel, void *const *pointers, const int64_t *sizes) override;
  void copy(void *destination, const void *source, size_t bytes) override;
  void synchronize() override;
  void submit() override {}
  void *allocate(size_t bytes) override;
  void release(void *memory) noexcept override;
  void upload(void *destination, const void *source, size_t bytes) override;

private:
  const Driver &driver;
  const CUDADevice &device;
  CUstream stream;
};

} // namespace torsh::runtime::cuda

#endif // TORSHJIT_RUNTIME_CUDA_STREAMQUEUE_H
