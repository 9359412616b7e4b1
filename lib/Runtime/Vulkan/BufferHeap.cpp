// SPDX-License-Identifier: Apache-2.0
// Blocks of mapped memory and first-fit allocation in them.
#include "BufferHeap.h"

#include "torshjit/Runtime/DeviceLimits.h"
#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <new>

namespace torsh::runtime::vulkan {
namespace {
constexpr size_t kSharedBlock = size_t(16) << 20;
/// From this size on an allocation has its own block, freed with it.
constexpr size_t kLarge = size_t(2) << 20;
constexpr size_t kEmptyTensorBytes = 256;
} // namespace

BufferHeap::BufferHeap(Context &context)
    : context(context),
      granularity(std::max<size_t>(kBufferAlignment,
                                   context.properties.limits.minStorageBufferOffsetAlignment)) {
  // Memory of the device that the host can reach comes first, and cached
  // before uncached: results are read by the host.
  constexpr VkMemoryPropertyFlags kNeeded =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  for (uint32_t i = 0; i < context.memory.memoryTypeCount; ++i)
    if ((context.memory.memoryTypes[i].propertyFlags & kNeeded) == kNeeded)
      memoryTypes.push_back(i);
  auto score = [&](uint32_t type) {
    VkMemoryPropertyFlags flags = context.memory.memoryTypes[type].propertyFlags;
    return ((flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) ? 2 : 0) +
           ((flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) ? 1 : 0);
  };
  std::stable_sort(memoryTypes.begin(), memoryTypes.end(),
                   [&](uint32_t a, uint32_t b) { return score(a) > score(b); });
  emptyTensor = allocate(kEmptyTensorBytes);
}

std::unique_ptr<BufferHeap::Block> BufferHeap::createBlock(size_t bytes) {
  const Api &api = context.api;
  auto block = std::make_unique<Block>();
  block->bytes = bytes;
  auto info = structure<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.size = bytes;
  info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
               VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  info.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  context.check(api.vkCreateBuffer(context.device, &info, nullptr, &block->buffer),
                "creating a buffer");
  VkMemoryRequirements requirements;
  api.vkGetBufferMemoryRequirements(context.device, block->buffer, &requirements);

  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  for (uint32_t type : memoryTypes) {
    if (!(requirements.memoryTypeBits & (uint32_t(1) << type)))
      continue;
    auto allocation = structure<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
    allocation.allocationSize = requirements.size;
    allocation.memoryTypeIndex = type;
    result = api.vkAllocateMemory(context.device, &allocation, nullptr, &block->memory);
    if (result == VK_SUCCESS)
      break;
  }
  void *mapped = nullptr;
  if (result == VK_SUCCESS)
    result = api.vkBindBufferMemory(context.device, block->buffer, block->memory, 0);
  if (result == VK_SUCCESS)
    result = api.vkMapMemory(context.device, block->memory, 0, VK_WHOLE_SIZE, 0, &mapped);
  block->mapped = static_cast<char *>(mapped);
  if (result != VK_SUCCESS) {
    destroyBlock(*block);
    context.check(result, "allocating memory");
  }
  block->free[0] = bytes;
  return block;
}

void BufferHeap::destroyBlock(Block &block) noexcept {
  context.api.vkDestroyBuffer(context.device, block.buffer, nullptr);
  context.api.vkFreeMemory(context.device, block.memory, nullptr);
}

void *BufferHeap::allocateFrom(Block &block, size_t bytes) {
  auto fits = std::find_if(block.free.begin(), block.free.end(),
                           [&](const auto &range) { return range.second >= bytes; });
  if (fits == block.free.end())
    return nullptr;
  auto [offset, available] = *fits;
  block.allocated[offset] = bytes;
  block.free.erase(fits);
  if (available > bytes)
    block.free[offset + bytes] = available - bytes;
  return block.mapped + offset;
}

void *BufferHeap::allocate(size_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max() / 2)
    throw std::bad_alloc();
  size_t needed = alignUp(std::max<size_t>(bytes, 1), granularity);
  bool isShared = needed < kLarge;
  if (isShared) {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    for (auto &[address, block] : blocks)
      if (block->isShared)
        if (void *found = allocateFrom(*block, needed))
          return found;
  }
  // Made outside the lock: the driver takes its time.
  std::unique_ptr<Block> block = createBlock(isShared ? kSharedBlock : needed);
  block->isShared = isShared;
  void *address = allocateFrom(*block, needed);
  std::lock_guard<ForkAwareMutex> lock(mutex);
  blocks.emplace(reinterpret_cast<uintptr_t>(block->mapped), std::move(block));
  return address;
}

void BufferHeap::addFree(Block &block, size_t offset, size_t bytes) {
  auto next = block.free.lower_bound(offset);
  if (next != block.free.end() && offset + bytes == next->first) {
    bytes += next->second;
    next = block.free.erase(next);
  }
  if (next != block.free.begin()) {
    auto previous = std::prev(next);
    if (previous->first + previous->second == offset) {
      previous->second += bytes;
      return;
    }
  }
  block.free[offset] = bytes;
}

BufferHeap::Blocks::iterator BufferHeap::blockOf(const void *address) {
  auto after = blocks.upper_bound(reinterpret_cast<uintptr_t>(address));
  if (after == blocks.begin())
    return blocks.end();
  auto found = std::prev(after);
  size_t offset = reinterpret_cast<uintptr_t>(address) - found->first;
  return offset < found->second->bytes ? found : blocks.end();
}

void BufferHeap::deallocate(void *address) noexcept {
  std::unique_ptr<Block> doomed;
  {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    auto found = blockOf(address);
    if (found == blocks.end())
      return;
    Block &block = *found->second;
    auto allocation =
        block.allocated.find(static_cast<size_t>(static_cast<char *>(address) - block.mapped));
    if (allocation == block.allocated.end())
      return;
    addFree(block, allocation->first, allocation->second);
    block.allocated.erase(allocation);
    if (!block.isShared) {
      doomed = std::move(found->second);
      blocks.erase(found);
    }
  }
  if (doomed)
    destroyBlock(*doomed);
}

BufferHeap::Place BufferHeap::find(const void *address) {
  if (!address)
    address = emptyTensor;
  std::lock_guard<ForkAwareMutex> lock(mutex);
  auto found = blockOf(address);
  if (found == blocks.end())
    throw Error(ErrorKind::Device, "vulkan: an operand is not in the device's memory");
  const Block &block = *found->second;
  size_t offset = static_cast<size_t>(static_cast<const char *>(address) - block.mapped);
  return {block.buffer, offset, block.bytes - offset};
}

} // namespace torsh::runtime::vulkan
