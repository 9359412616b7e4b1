// SPDX-License-Identifier: Apache-2.0
// The functions of libvulkan that this runtime calls, found at run time.
#ifndef TORSHJIT_LIB_RUNTIME_VULKAN_API_H
#define TORSHJIT_LIB_RUNTIME_VULKAN_API_H

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <cstring>
#include <vulkan/vulkan_core.h>

namespace torsh::runtime::vulkan {

#define TORSH_VULKAN_GLOBAL_FUNCTIONS(F)                                                           \
  F(vkCreateInstance)                                                                              \
  F(vkEnumerateInstanceExtensionProperties)

#define TORSH_VULKAN_INSTANCE_FUNCTIONS(F)                                                         \
  F(vkCreateDevice)                                                                                \
  F(vkEnumerateDeviceExtensionProperties)                                                          \
  F(vkEnumeratePhysicalDevices)                                                                    \
  F(vkGetDeviceProcAddr)                                                                           \
  F(vkGetPhysicalDeviceFeatures2)                                                                  \
  F(vkGetPhysicalDeviceMemoryProperties)                                                           \
  F(vkGetPhysicalDeviceProperties)                                                                 \
  F(vkGetPhysicalDeviceProperties2)                                                                \
  F(vkGetPhysicalDeviceQueueFamilyProperties)

#define TORSH_VULKAN_DEVICE_FUNCTIONS(F)                                                           \
  F(vkAllocateCommandBuffers)                                                                      \
  F(vkAllocateDescriptorSets)                                                                      \
  F(vkAllocateMemory)                                                                              \
  F(vkBeginCommandBuffer)                                                                          \
  F(vkBindBufferMemory)                                                                            \
  F(vkCmdBindDescriptorSets)                                                                       \
  F(vkCmdBindPipeline)                                                                             \
  F(vkCmdCopyBuffer)                                                                               \
  F(vkCmdDispatch)                                                                                 \
  F(vkCmdPipelineBarrier)                                                                          \
  F(vkCreateBuffer)                                                                                \
  F(vkCreateCommandPool)                                                                           \
  F(vkCreateComputePipelines)                                                                      \
  F(vkCreateDescriptorPool)                                                                        \
  F(vkCreateDescriptorSetLayout)                                                                   \
  F(vkCreateFence)                                                                                 \
  F(vkCreatePipelineLayout)                                                                        \
  F(vkCreateShaderModule)                                                                          \
  F(vkDestroyBuffer)                                                                               \
  F(vkDestroyCommandPool)                                                                          \
  F(vkDestroyDescriptorPool)                                                                       \
  F(vkDestroyDescriptorSetLayout)                                                                  \
  F(vkDestroyFence)                                                                                \
  F(vkDestroyPipeline)                                                                             \
  F(vkDestroyPipelineLayout)                                                                       \
  F(vkDestroyShaderModule)                                                                         \
  F(vkEndCommandBuffer)                                                                            \
  F(vkFreeMemory)                                                                                  \
  F(vkGetBufferMemoryRequirements)                                                                 \
  F(vkGetDeviceQueue)                                                                              \
  F(vkMapMemory)                                                                                   \
  F(vkQueueSubmit)                                                                                 \
  F(vkResetCommandPool)                                                                            \
  F(vkResetDescriptorPool)                                                                         \
  F(vkResetFences)                                                                                 \
  F(vkUpdateDescriptorSets)                                                                        \
  F(vkWaitForFences)

/// Each function under its own name, so that a call reads as in Vulkan's
/// documentation.
struct Api {
#define TORSH_DECLARE(name) PFN_##name name = nullptr;
  TORSH_VULKAN_GLOBAL_FUNCTIONS(TORSH_DECLARE)
  TORSH_VULKAN_INSTANCE_FUNCTIONS(TORSH_DECLARE)
  TORSH_VULKAN_DEVICE_FUNCTIONS(TORSH_DECLARE)
#undef TORSH_DECLARE

  /// Opens the library, or what TORSHJIT_LIBVULKAN names, and finds the global
  /// functions. Throws Error(Device).
  void open();
  /// Throw Error(Device) when a function is missing.
  void findInstanceFunctions(VkInstance instance);
  void findDeviceFunctions(VkDevice device);

private:
  PFN_vkGetInstanceProcAddr getInstanceProcAddr = nullptr;
};

/// One of Vulkan's structures, otherwise empty.
template <typename Structure> Structure structure(VkStructureType type) {
  Structure empty;
  std::memset(&empty, 0, sizeof(empty));
  empty.sType = type;
  return empty;
}

} // namespace torsh::runtime::vulkan

#endif // TORSHJIT_LIB_RUNTIME_VULKAN_API_H
