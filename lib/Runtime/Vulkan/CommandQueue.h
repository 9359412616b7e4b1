// SPDX-License-Identifier: Apache-2.0
// Records launches and copies, and submits them all at once.
#ifndef TORSHJIT_LIB_RUNTIME_VULKAN_COMMANDQUEUE_H
#define TORSHJIT_LIB_RUNTIME_VULKAN_COMMANDQUEUE_H

#include "BufferHeap.h"
#include "Context.h"
#include "PipelineLibrary.h"
#include "torshjit/Runtime/Device.h"

#include <vector>

namespace torsh::runtime::vulkan {

/// Used by one thread at a time. A program's run is one command buffer, begun
/// by its first launch or copy and submitted by synchronize.
class CommandQueue : public Queue {
public:
  CommandQueue(Context &context, BufferHeap &heap);
  ~CommandQueue() override;

  void launch(KernelHandle handle, void *const *pointers, const int64_t *sizes) override;
  void copy(void *destination, const void *source, size_t bytes) override;
  void synchronize() override;
  void abandon() noexcept override;

private:
  /// Begins the command buffer, or orders what follows after what there is.
  void nextCommand();
  VkDescriptorSet newDescriptorSet(const PipelineKernel &kernel);
  void createDescriptorPool();
  /// Where the device reads a launch's sizes.
  BufferHeap::Place writeSizes(const PipelineKernel &kernel, const int64_t *sizes);
  void reset();

  Context &context;
  BufferHeap &heap;
  VkCommandPool commandPool = VK_NULL_HANDLE;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  VkFence fence = VK_NULL_HANDLE;
  bool isRecording = false;

  std::vector<VkDescriptorPool> descriptorPools;
  size_t currentPool = 0; ///< those before it are exhausted

  /// Blocks for sizes; those before the current one are full.
  std::vector<char *> sizeBlocks;
  size_t currentBlock = 0;
  size_t blockOffset = 0;
};

} // namespace torsh::runtime::vulkan

#endif // TORSHJIT_LIB_RUNTIME_VULKAN_COMMANDQUEUE_H
