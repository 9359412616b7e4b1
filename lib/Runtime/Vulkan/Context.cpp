// SPDX-License-Identifier: Apache-2.0
// Chooses and opens a device of Vulkan.
#include "Context.h"

#include "torshjit/Runtime/Device.h"
#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <pthread.h>

namespace torsh::runtime::vulkan {
namespace {
std::atomic<bool> forkedAway{false};

const char *describe(VkResult result) {
  switch (result) {
  case VK_ERROR_INITIALIZATION_FAILED:
    return "initialization failed";
  case VK_ERROR_DEVICE_LOST:
    return "the device is lost";
  case VK_ERROR_FEATURE_NOT_PRESENT:
    return "a feature is missing";
  case VK_ERROR_EXTENSION_NOT_PRESENT:
    return "an extension is missing";
  case VK_ERROR_INCOMPATIBLE_DRIVER:
    return "no driver is installed";
  case VK_ERROR_TOO_MANY_OBJECTS:
    return "too many objects";
  case VK_ERROR_INVALID_SHADER_NV:
    return "invalid shader";
  default:
    return nullptr;
  }
}

std::string nameOf(VkResult result) {
  const char *text = describe(result);
  return text ? text : "error " + std::to_string(static_cast<int>(result));
}

bool contains(const std::vector<VkExtensionProperties> &extensions, const char *name) {
  return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties &e) {
    return std::strcmp(e.extensionName, name) == 0;
  });
}

/// Reads a list by the two calls that Vulkan's lists take.
template <typename Element, typename Enumerate>
std::vector<Element> listOf(const Enumerate &enumerate) {
  uint32_t count = 0;
  enumerate(&count, static_cast<Element *>(nullptr));
  std::vector<Element> elements(count);
  enumerate(&count, elements.data());
  elements.resize(count);
  return elements;
}

/// Lower is better.
int rank(VkPhysicalDeviceType type) {
  switch (type) {
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
    return 0;
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
    return 1;
  case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
    return 2;
  default:
    return 3;
  }
}

/// Compute without graphics where there is such a family: it has its own hardware queue.
std::optional<uint32_t> computeFamily(const Api &api, VkPhysicalDevice device) {
  auto families = listOf<VkQueueFamilyProperties>([&](uint32_t *count, auto *out) {
    api.vkGetPhysicalDeviceQueueFamilyProperties(device, count, out);
  });
  std::optional<uint32_t> found;
  for (uint32_t i = 0; i < families.size(); ++i) {
    VkQueueFlags flags = families[i].queueFlags;
    if ((flags & VK_QUEUE_COMPUTE_BIT) && (!found || !(flags & VK_QUEUE_GRAPHICS_BIT)))
      found = i;
  }
  return found;
}
} // namespace

bool isForkedAway() { return forkedAway; }

Context::Context() {
  pthread_atfork(nullptr, nullptr, [] { forkedAway = true; });
  api.open();
  createInstance();
  choosePhysicalDevice();
  createDevice();
}

void Context::check(VkResult result, const char *what) const {
  if (result >= 0)
    return;
  if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
    throw std::bad_alloc();
  throw Error(ErrorKind::Device, "vulkan: " + std::string(what) + ": " + nameOf(result));
}

void Context::createInstance() {
  auto available = listOf<VkExtensionProperties>([&](uint32_t *count, auto *out) {
    api.vkEnumerateInstanceExtensionProperties(nullptr, count, out);
  });
  auto application = structure<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pApplicationName = "torshjit";
  application.apiVersion = VK_API_VERSION_1_2;
  auto info = structure<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  std::vector<const char *> extensions;
  // Without it layered implementations (MoltenVK) stay hidden.
  if (contains(available, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME)) {
    extensions.push_back(VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    info.flags |= VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
  }
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  VkResult result = api.vkCreateInstance(&info, nullptr, &instance);
  if (result != VK_SUCCESS)
    throwDeviceAbsent("vulkan", "no driver answers (" + nameOf(result) +
                                    "); install one, mesa-vulkan-drivers for example");
  api.findInstanceFunctions(instance);
}

void Context::choosePhysicalDevice() {
  auto devices = listOf<VkPhysicalDevice>(
      [&](uint32_t *count, auto *out) { api.vkEnumeratePhysicalDevices(instance, count, out); });
  const char *wanted = std::getenv("TORSHJIT_VULKAN_DEVICE");
  if (wanted && !*wanted)
    wanted = nullptr;
  std::string names;
  int best = 0;
  for (size_t i = 0; i < devices.size(); ++i) {
    VkPhysicalDeviceProperties found;
    api.vkGetPhysicalDeviceProperties(devices[i], &found);
    names += (i ? ", " : "") + std::to_string(i) + ": " + found.deviceName;
    std::optional<uint32_t> family = computeFamily(api, devices[i]);
    if (found.apiVersion < VK_API_VERSION_1_1 || !family)
      continue;
    if (wanted && std::to_string(i) != wanted && !std::strstr(found.deviceName, wanted))
      continue;
    if (physicalDevice && rank(found.deviceType) >= best)
      continue;
    best = rank(found.deviceType);
    physicalDevice = devices[i];
    properties = found;
    queueFamily = *family;
  }
  if (physicalDevice)
    return;
  if (devices.empty())
    throwDeviceAbsent("vulkan", "no driver offers a device; install one, mesa-vulkan-drivers for "
                                "example");
  if (wanted)
    throw Error(ErrorKind::Option, "TORSHJIT_VULKAN_DEVICE is \"" + std::string(wanted) +
                                       "\", which is no device of Vulkan 1.1; there are " + names);
  throwDeviceAbsent("vulkan", "no device has Vulkan 1.1 and compute; there are " + names);
}

void Context::queryFeatures(std::vector<const char *> &extensions) {
  auto available = listOf<VkExtensionProperties>([&](uint32_t *count, auto *out) {
    api.vkEnumerateDeviceExtensionProperties(physicalDevice, nullptr, count, out);
  });
  void **next = &features.core.pNext;
  auto chain = [&](auto &structure, const char *extension) {
    // Part of Vulkan 1.2; in 1.1 an extension that must be asked for.
    if (extension && properties.apiVersion < VK_API_VERSION_1_2) {
      if (!contains(available, extension))
        return;
      extensions.push_back(extension);
    }
    *next = &structure;
    next = &structure.pNext;
  };
  chain(features.storage16, nullptr);
  chain(features.storage8, VK_KHR_8BIT_STORAGE_EXTENSION_NAME);
  chain(features.float16Int8, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
  api.vkGetPhysicalDeviceFeatures2(physicalDevice, &features.core);

  // Only what kernels use is enabled: others may cost (robust access does).
  VkPhysicalDeviceFeatures supported = features.core.features;
  features.core.features = {};
  features.core.features.shaderInt16 = supported.shaderInt16;
  features.core.features.shaderInt64 = supported.shaderInt64;
  features.core.features.shaderFloat64 = supported.shaderFloat64;
  features.storage16.storagePushConstant16 = VK_FALSE;
  features.storage16.storageInputOutput16 = VK_FALSE;
  features.storage8.storagePushConstant8 = VK_FALSE;

  // Demanded by the specification where it is offered.
  if (contains(available, "VK_KHR_portability_subset"))
    extensions.push_back("VK_KHR_portability_subset");

  auto all = structure<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  subgroups.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES;
  all.pNext = &subgroups;
  api.vkGetPhysicalDeviceProperties2(physicalDevice, &all);
  subgroups.pNext = nullptr;
}

void Context::createDevice() {
  std::vector<const char *> extensions;
  queryFeatures(extensions);
  float priority = 1;
  auto queueInfo = structure<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queueInfo.queueFamilyIndex = queueFamily;
  queueInfo.queueCount = 1;
  queueInfo.pQueuePriorities = &priority;
  auto info = structure<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = &features.core;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queueInfo;
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  VkResult result = api.vkCreateDevice(physicalDevice, &info, nullptr, &device);
  if (result != VK_SUCCESS)
    throwDeviceAbsent("vulkan", std::string(properties.deviceName) + " cannot be opened (" +
                                    nameOf(result) + ")");
  api.findDeviceFunctions(device);
  api.vkGetDeviceQueue(device, queueFamily, 0, &queue);
  api.vkGetPhysicalDeviceMemoryProperties(physicalDevice, &memory);
}

} // namespace torsh::runtime::vulkan
