// SPDX-License-Identifier: Apache-2.0
// Memory that host and device both see, in buffers kernels can be given.
#ifndef TORSHJIT_LIB_RUNTIME_VULKAN_BUFFERHEAP_H
#define TORSHJIT_LIB_RUNTIME_VULKAN_BUFFERHEAP_H

#include "Context.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace torsh::runtime::vulkan {

/// Drivers grant a few thousand allocations: small ones share blocks. An
/// address is the host's view of the memory; kernels get its buffer and the
/// offset in it.
class BufferHeap {
public:
  /// What a descriptor or a copy needs.
  struct Place {
    VkBuffer buffer;
    VkDeviceSize offset;
    VkDeviceSize bytes; ///< to the end of the buffer
  };

  explicit BufferHeap(Context &context);

  size_t alignment() const { return granularity; }
  /// Throws std::bad_alloc.
  void *allocate(size_t bytes);
  void deallocate(void *address) noexcept;
  /// Of an address inside an allocation; null (an empty tensor's) has a place
  /// whose contents nobody reads. Throws Error(Device) for the host's memory.
  Place find(const void *address);

private:
  struct Block {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceMemory memory = VK_NULL_HANDLE;
    char *mapped = nullptr;
    size_t bytes = 0;
    bool isShared = false;              ///< holds several allocations and is kept
    std::map<size_t, size_t> free;      ///< offset to bytes
    std::map<size_t, size_t> allocated; ///< likewise
  };
  using Blocks = std::map<uintptr_t, std::unique_ptr<Block>>;

  std::unique_ptr<Block> createBlock(size_t bytes);
  void destroyBlock(Block &block) noexcept;
  void *allocateFrom(Block &block, size_t bytes);
  static void addFree(Block &block, size_t offset, size_t bytes);
  Blocks::iterator blockOf(const void *address);

  Context &context;
  size_t granularity;
  std::vector<uint32_t> memoryTypes; ///< the best first
  ForkAwareMutex mutex;
  Blocks blocks; ///< by the host's address
  void *emptyTensor = nullptr;
};

} // namespace torsh::runtime::vulkan

#endif // TORSHJIT_LIB_RUNTIME_VULKAN_BUFFERHEAP_H
