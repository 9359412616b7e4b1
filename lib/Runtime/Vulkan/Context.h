// SPDX-License-Identifier: Apache-2.0
// The opened device of Vulkan and what it can do.
#ifndef TORSHJIT_LIB_RUNTIME_VULKAN_CONTEXT_H
#define TORSHJIT_LIB_RUNTIME_VULKAN_CONTEXT_H

#include "Api.h"
#include "torshjit/Runtime/ForkAwareMutex.h"

#include <string>
#include <vector>

namespace torsh::runtime::vulkan {

/// The features that kernels may need, as supported and then enabled.
struct Features {
  VkPhysicalDeviceFeatures2 core =
      structure<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  VkPhysicalDevice16BitStorageFeatures storage16 = structure<VkPhysicalDevice16BitStorageFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
  VkPhysicalDevice8BitStorageFeatures storage8 = structure<VkPhysicalDevice8BitStorageFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES);
  VkPhysicalDeviceShaderFloat16Int8Features float16Int8 =
      structure<VkPhysicalDeviceShaderFloat16Int8Features>(
          VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
};

/// Whether this process is a child, by fork(), of the one that opened a
/// context: it has the driver's memory but none of its threads.
bool isForkedAway();

struct Context {
  Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  /// Throws Error(Device) naming what failed unless the result is a success;
  /// std::bad_alloc when memory is exhausted.
  void check(VkResult result, const char *what) const;

  Api api;
  VkInstance instance = VK_NULL_HANDLE;
  VkPhysicalDevice physicalDevice = VK_NULL_HANDLE;
  VkDevice device = VK_NULL_HANDLE;
  uint32_t queueFamily = 0;
  VkQueue queue = VK_NULL_HANDLE;
  /// Held around submissions to `queue`.
  ForkAwareMutex queueMutex;
  VkPhysicalDeviceProperties properties = {};
  VkPhysicalDeviceSubgroupProperties subgroups = {};
  VkPhysicalDeviceMemoryProperties memory = {};
  Features features;

private:
  void createInstance();
  void choosePhysicalDevice();
  void queryFeatures(std::vector<const char *> &extensions);
  void createDevice();
};

} // namespace torsh::runtime::vulkan

#endif // TORSHJIT_LIB_RUNTIME_VULKAN_CONTEXT_H
