// SPDX-License-Identifier: Apache-2.0
// Vulkan as a device of the runtime.
#include "torshjit/Runtime/Vulkan/VulkanDevice.h"

#include "BufferHeap.h"
#include "CommandQueue.h"
#include "Context.h"
#include "PipelineLibrary.h"
#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace torsh::runtime {
namespace vulkan {
namespace {
/// Kernels count elements in 32 bits, and go on from the last by less than this.
constexpr VkDeviceSize kIndexableBytes = (VkDeviceSize(1) << 31) - (VkDeviceSize(1) << 26);

class VulkanDevice : public Device {
public:
  std::string_view name() const override { return "vulkan"; }
  bool isHostMemory() const override { return false; }
  DeviceLimits limits() const override {
    VkDeviceSize range = context.properties.limits.maxStorageBufferRange;
    return {heap.alignment(), std::min(range, kIndexableBytes)};
  }
  void *allocate(size_t bytes) override {
    requireThisProcess();
    return heap.allocate(bytes);
  }
  void deallocate(void *memory, size_t) noexcept override {
    if (!isForkedAway())
      heap.deallocate(memory);
  }
  // Host and device share the memory, which is coherent.
  void upload(void *destination, const void *source, size_t bytes) override {
    std::memcpy(destination, source, bytes);
  }
  void download(void *destination, const void *source, size_t bytes) override {
    std::memcpy(destination, source, bytes);
  }
  std::unique_ptr<KernelLibrary> load(std::string_view binary) override {
    requireThisProcess();
    return std::make_unique<PipelineLibrary>(context, binary);
  }
  Queue &queue() override {
    requireThisProcess();
    thread_local Lease lease(*this);
    return *lease.queue;
  }

private:
  /// A thread's queue. It is handed on when the thread ends, never destroyed:
  /// the main thread ends while the driver's own destructors may run.
  struct Lease {
    explicit Lease(VulkanDevice &device) : device(device), queue(device.takeQueue()) {}
    ~Lease() { device.returnQueue(std::move(queue)); }
    VulkanDevice &device;
    std::unique_ptr<CommandQueue> queue;
  };

  static void requireThisProcess() {
    if (isForkedAway())
      throw Error(ErrorKind::Device,
                  "the vulkan device was opened before this process was forked and works only in "
                  "its parent; start processes by spawn instead");
  }
  std::unique_ptr<CommandQueue> takeQueue() {
    {
      std::lock_guard<ForkAwareMutex> lock(mutex);
      if (!idleQueues.empty()) {
        std::unique_ptr<CommandQueue> queue = std::move(idleQueues.back());
        idleQueues.pop_back();
        return queue;
      }
    }
    return std::make_unique<CommandQueue>(context, heap);
  }
  void returnQueue(std::unique_ptr<CommandQueue> queue) {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    idleQueues.push_back(std::move(queue));
  }

  Context context;
  BufferHeap heap{context};
  ForkAwareMutex mutex;
  std::vector<std::unique_ptr<CommandQueue>> idleQueues;
};
} // namespace
} // namespace vulkan

Device &openVulkanDevice() {
  // Never destroyed: executables may outlive static destructors.
  static auto *device = new vulkan::VulkanDevice;
  return *device;
}

} // namespace torsh::runtime
