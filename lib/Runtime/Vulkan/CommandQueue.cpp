// SPDX-License-Identifier: Apache-2.0
// Command buffers, descriptor sets and the buffers of sizes.
#include "CommandQueue.h"

#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <limits>
#include <mutex>

namespace torsh::runtime::vulkan {
namespace {
constexpr size_t kSizeBlockBytes = size_t(64) << 10;
constexpr uint32_t kSetsPerPool = 64;
constexpr uint32_t kDescriptorsPerPool = 512;

constexpr VkPipelineStageFlags kStages =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags kWrites = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
constexpr VkAccessFlags kReads = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT;
} // namespace

CommandQueue::CommandQueue(Context &context, BufferHeap &heap) : context(context), heap(heap) {
  const Api &api = context.api;
  auto poolInfo = structure<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  poolInfo.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
  poolInfo.queueFamilyIndex = context.queueFamily;
  context.check(api.vkCreateCommandPool(context.device, &poolInfo, nullptr, &commandPool),
                "creating a command pool");
  auto info =
      structure<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  info.commandPool = commandPool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  auto fenceInfo = structure<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
  VkResult result = api.vkAllocateCommandBuffers(context.device, &info, &commands);
  if (result == VK_SUCCESS)
    result = api.vkCreateFence(context.device, &fenceInfo, nullptr, &fence);
  if (result != VK_SUCCESS)
    api.vkDestroyCommandPool(context.device, commandPool, nullptr);
  context.check(result, "creating a command buffer");
}

CommandQueue::~CommandQueue() {
  const Api &api = context.api;
  for (VkDescriptorPool pool : descriptorPools)
    api.vkDestroyDescriptorPool(context.device, pool, nullptr);
  for (char *block : sizeBlocks)
    heap.deallocate(block);
  api.vkDestroyFence(context.device, fence, nullptr);
  api.vkDestroyCommandPool(context.device, commandPool, nullptr);
}

void CommandQueue::nextCommand() {
  if (isRecording) {
    auto barrier = structure<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
    barrier.srcAccessMask = kWrites;
    barrier.dstAccessMask = kReads | kWrites;
    context.api.vkCmdPipelineBarrier(commands, kStages, kStages, 0, 1, &barrier, 0, nullptr, 0,
                                     nullptr);
    return;
  }
  auto info = structure<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  context.check(context.api.vkBeginCommandBuffer(commands, &info), "recording commands");
  isRecording = true;
}

void CommandQueue::createDescriptorPool() {
  VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kDescriptorsPerPool};
  auto info = structure<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  info.maxSets = kSetsPerPool;
  info.poolSizeCount = 1;
  info.pPoolSizes = &size;
  VkDescriptorPool pool = VK_NULL_HANDLE;
  context.check(context.api.vkCreateDescriptorPool(context.device, &info, nullptr, &pool),
                "creating a descriptor pool");
  descriptorPools.push_back(pool);
}

VkDescriptorSet CommandQueue::newDescriptorSet(const PipelineKernel &kernel) {
  if (kernel.numBindings() > kDescriptorsPerPool)
    throw Error(ErrorKind::Device, "vulkan: kernel \"" + kernel.name + "\" takes " +
                                       std::to_string(kernel.numBindings()) +
                                       " buffers, more than " +
                                       std::to_string(kDescriptorsPerPool));
  for (;; ++currentPool) {
    bool isFresh = currentPool == descriptorPools.size();
    if (isFresh)
      createDescriptorPool();
    auto info =
        structure<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
    info.descriptorPool = descriptorPools[currentPool];
    info.descriptorSetCount = 1;
    info.pSetLayouts = &kernel.setLayout;
    VkDescriptorSet set = VK_NULL_HANDLE;
    VkResult result = context.api.vkAllocateDescriptorSets(context.device, &info, &set);
    if (result == VK_SUCCESS)
      return set;
    bool isExhausted = result == VK_ERROR_OUT_OF_POOL_MEMORY || result == VK_ERROR_FRAGMENTED_POOL;
    if (isFresh || !isExhausted)
      context.check(result, "allocating a descriptor set");
  }
}

BufferHeap::Place CommandQueue::writeSizes(const PipelineKernel &kernel, const int64_t *sizes) {
  size_t count = kernel.kernel->numSizes;
  size_t bytes = alignUp(count * sizeof(int32_t), heap.alignment());
  if (bytes > kSizeBlockBytes)
    throw Error(ErrorKind::Device, "vulkan: kernel \"" + kernel.name + "\" takes " +
                                       std::to_string(count) + " sizes, too many");
  if (currentBlock < sizeBlocks.size() && blockOffset + bytes > kSizeBlockBytes) {
    ++currentBlock;
    blockOffset = 0;
  }
  if (currentBlock == sizeBlocks.size())
    sizeBlocks.push_back(static_cast<char *>(heap.allocate(kSizeBlockBytes)));
  char *memory = sizeBlocks[currentBlock] + blockOffset;
  blockOffset += bytes;
  for (size_t i = 0; i < count; ++i) {
    if (sizes[i] > std::numeric_limits<int32_t>::max() ||
        sizes[i] < std::numeric_limits<int32_t>::min())
      throw Error(ErrorKind::Shape, "vulkan: kernel \"" + kernel.name + "\": size " +
                                        std::to_string(i) + " is " + std::to_string(sizes[i]) +
                                        ", which takes more than 32 bits");
    reinterpret_cast<int32_t *>(memory)[i] = static_cast<int32_t>(sizes[i]);
  }
  BufferHeap::Place place = heap.find(memory);
  place.bytes = bytes;
  return place;
}

void CommandQueue::launch(KernelHandle handle, void *const *pointers, const int64_t *sizes) {
  const auto &kernel = *reinterpret_cast<const PipelineKernel *>(handle);
  const Api &api = context.api;
  const VkPhysicalDeviceLimits &limits = context.properties.limits;
  const KernelVariant &variant = chooseVariant(*kernel.kernel, pointers, sizes);
  int64_t blocks = gridSize(variant, sizes, limits.maxComputeWorkGroupCount[0]);
  if (blocks == 0)
    return;

  size_t numOperands = kernel.kernel->operands.size();
  std::vector<VkDescriptorBufferInfo> buffers(kernel.numBindings());
  for (size_t i = 0; i < buffers.size(); ++i) {
    BufferHeap::Place place = i < numOperands ? heap.find(pointers[i]) : writeSizes(kernel, sizes);
    buffers[i] = {place.buffer, place.offset,
                  std::min<VkDeviceSize>(place.bytes, limits.maxStorageBufferRange)};
  }
  VkDescriptorSet set = newDescriptorSet(kernel);
  auto write = structure<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
  write.dstSet = set;
  write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
  write.descriptorCount = 1;
  std::vector<VkWriteDescriptorSet> writes(buffers.size(), write);
  for (size_t i = 0; i < buffers.size(); ++i) {
    writes[i].dstBinding = static_cast<uint32_t>(i);
    writes[i].pBufferInfo = &buffers[i];
  }
  api.vkUpdateDescriptorSets(context.device, static_cast<uint32_t>(writes.size()), writes.data(), 0,
                             nullptr);

  nextCommand();
  size_t index = static_cast<size_t>(&variant - kernel.kernel->variants.data());
  api.vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel.pipelines[index]);
  api.vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel.layout, 0, 1, &set,
                              0, nullptr);
  api.vkCmdDispatch(commands, static_cast<uint32_t>(blocks), 1, 1);
}

void CommandQueue::copy(void *destination, const void *source, size_t bytes) {
  if (bytes == 0)
    return;
  BufferHeap::Place to = heap.find(destination);
  BufferHeap::Place from = heap.find(source);
  VkBufferCopy region = {from.offset, to.offset, bytes};
  nextCommand();
  context.api.vkCmdCopyBuffer(commands, from.buffer, to.buffer, 1, &region);
}

void CommandQueue::synchronize() {
  if (!isRecording)
    return;
  const Api &api = context.api;
  auto barrier = structure<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = kWrites;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  api.vkCmdPipelineBarrier(commands, kStages, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
                           nullptr, 0, nullptr);
  context.check(api.vkEndCommandBuffer(commands), "recording commands");
  auto submit = structure<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  submit.commandBufferCount = 1;
  submit.pCommandBuffers = &commands;
  VkResult result = VK_SUCCESS;
  {
    std::lock_guard<ForkAwareMutex> lock(context.queueMutex);
    result = api.vkQueueSubmit(context.queue, 1, &submit, fence);
  }
  context.check(result, "submitting commands");
  result =
      api.vkWaitForFences(context.device, 1, &fence, VK_TRUE, std::numeric_limits<uint64_t>::max());
  // Reset first: after a lost device the next call fails by itself.
  api.vkResetFences(context.device, 1, &fence);
  reset();
  context.check(result, "running a program");
}

void CommandQueue::abandon() noexcept {
  if (isRecording)
    reset();
}

void CommandQueue::reset() {
  const Api &api = context.api;
  api.vkResetCommandPool(context.device, commandPool, 0);
  for (size_t p = 0; p < descriptorPools.size() && p <= currentPool; ++p)
    api.vkResetDescriptorPool(context.device, descriptorPools[p], 0);
  currentPool = 0;
  currentBlock = 0;
  blockOffset = 0;
  isRecording = false;
}

} // namespace torsh::runtime::vulkan
