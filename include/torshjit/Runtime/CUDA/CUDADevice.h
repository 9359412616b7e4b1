// SPDX-License-Identifier: Apache-2.0
// One NVIDIA GPU as a device, in the primary context that torch and CuPy use too.
#ifndef TORSHJIT_RUNTIME_CUDA_CUDADEVICE_H
#define TORSHJIT_RUNTIME_CUDA_CUDADEVICE_H

#include "torshjit/Runtime/CUDA/Driver.h"
#include "torshjit/Runtime/Device.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace torsh::runtime {

class CUDADevice : public Device {
public:
  /// The GPU numbered TORSHJIT_CUDA_DEVICE (0) among those the driver shows, opened by the first
  /// call. Throws Error(Device) when there is no driver or no such GPU.
  static CUDADevice &global();

  std::string_view name() const override { return "cuda"; }
  bool isHostMemory() const override { return false; }
  bool ordersMemory() const override { return true; }
  DeviceLimits limits() const override;
  void *allocate(size_t bytes) override;
  void deallocate(void *memory, size_t bytes) noexcept override;
  void upload(void *destination, const void *source, size_t bytes) override;
  /// After what the calling thread's queue was given.
  void download(void *destination, const void *source, size_t bytes) override;
  std::unique_ptr<KernelLibrary> load(std::string_view binary) override;
  /// The queue of the calling thread's stream.
  Queue &queue() override;
  std::optional<TensorDevice> tensorDevice() const override { return TensorDevice{2, ordinal}; }
  uintptr_t exchangeStream(uintptr_t stream) override;
  void orderStreams(uintptr_t before, uintptr_t after) override;
  uintptr_t recordPoint() override;
  bool isPassed(uintptr_t point) override;

  /// "sm_90 (NVIDIA H200)", for messages.
  std::string describe() const;
  /// Whether code for `architecture` (sm_80, sm_90a, sm_100f) runs here.
  bool runs(const std::string &architecture) const;
  /// Null where the driver has no memory pools.
  cuda::CUmemoryPool memoryPool() const { return pool; }
  cuda::CUcontext context() const { return primary; }
  int64_t maxGrid() const { return gridLimit; }

private:
  CUDADevice(const cuda::Driver &driver, int ordinal);

  const cuda::Driver &driver;
  int ordinal;
  int major = 0;
  int minor = 0;
  int gridLimit = 0;
  std::string productName;
  cuda::CUcontext primary = nullptr;
  cuda::CUmemoryPool pool = nullptr;
  cuda::CUstream uploads = nullptr; ///< takes no part in the order of the callers' streams
  std::mutex queuesMutex;
  std::unordered_map<uintptr_t, std::unique_ptr<Queue>> queues; ///< by stream, kept for ever
};

namespace cuda {

/// Makes a context current on the calling thread, unless it is.
class ContextScope {
public:
  ContextScope(const Driver &driver, CUcontext context);
  ~ContextScope();
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;

private:
  const Driver &driver;
  bool pushed = false;
};

/// Lets the calling thread allocate, load and wait while another stream of the process is being
/// captured into a graph: what it does then belongs to no captured stream.
class RelaxedCaptureScope {
public:
  explicit RelaxedCaptureScope(const Driver &driver);
  ~RelaxedCaptureScope();
  RelaxedCaptureScope(const RelaxedCaptureScope &) = delete;
  RelaxedCaptureScope &operator=(const RelaxedCaptureScope &) = delete;

private:
  const Driver &driver;
  int mode = CU_STREAM_CAPTURE_MODE_RELAXED;
};

} // namespace cuda
} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CUDA_CUDADEVICE_H
