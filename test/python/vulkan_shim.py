# SPDX-License-Identifier: Apache-2.0
"""A library in front of libvulkan that takes features and memory away from the device."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from pathlib import Path

_SOURCE = r"""
#define VK_NO_PROTOTYPES
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan_core.h>

static PFN_vkGetInstanceProcAddr instance_function;
static PFN_vkGetDeviceProcAddr device_function;
static PFN_vkGetPhysicalDeviceFeatures2 features2;
static PFN_vkGetPhysicalDeviceProperties properties;
static PFN_vkQueueSubmit submit;
static PFN_vkAllocateMemory allocate;
static PFN_vkUpdateDescriptorSets update;
static VkDeviceSize offset_alignment = 1;

static long long setting(const char *name, long long otherwise) {
  const char *text = getenv(name);
  return text ? atoll(text) : otherwise;
}

static void fewer_features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *found) {
  features2(device, found);
  if (!setting("SHIM_NO_FEATURES", 0)) return;
  memset(&found->features, 0, sizeof found->features);
  for (VkBaseOutStructure *s = found->pNext; s; s = s->pNext) {
    size_t bytes = s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES ? 4
                   : s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES ? 3 : 2;
    memset(s + 1, 0, bytes * sizeof(VkBool32));
  }
}
static void other_limits(VkPhysicalDevice device, VkPhysicalDeviceProperties *found) {
  properties(device, found);
  VkPhysicalDeviceLimits *limits = &found->limits;
  offset_alignment = setting("SHIM_ALIGNMENT", limits->minStorageBufferOffsetAlignment);
  limits->minStorageBufferOffsetAlignment = offset_alignment;
  limits->maxStorageBufferRange = setting("SHIM_RANGE", limits->maxStorageBufferRange);
  limits->maxComputeWorkGroupCount[0] =
      setting("SHIM_GRID", limits->maxComputeWorkGroupCount[0]);
}
static VkResult lost(VkQueue queue, uint32_t n, const VkSubmitInfo *infos, VkFence fence) {
  static long long count;
  if (count++ >= setting("SHIM_SUBMITS", 1 << 30)) return VK_ERROR_DEVICE_LOST;
  return submit(queue, n, infos, fence);
}
static VkResult scarce(VkDevice device, const VkMemoryAllocateInfo *info,
                       const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory) {
  if (info->allocationSize > (VkDeviceSize)setting("SHIM_MEMORY", 1ll << 40))
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  return allocate(device, info, callbacks, memory);
}
static void aligned(VkDevice device, uint32_t n, const VkWriteDescriptorSet *writes, uint32_t m,
                    const VkCopyDescriptorSet *copies) {
  for (uint32_t i = 0; i < n; ++i)
    if (writes[i].pBufferInfo->offset % offset_alignment) {
      fprintf(stderr, "misaligned binding %u\n", writes[i].dstBinding);
      abort();
    }
  update(device, n, writes, m, copies);
}

#define INTERCEPT(lookup, handle, name, keep, mine)                                               \
  if (!strcmp(wanted, #name)) {                                                                   \
    keep = (PFN_##name)lookup(handle, wanted);                                                    \
    return (PFN_vkVoidFunction)mine;                                                              \
  }
static PFN_vkVoidFunction find_device_function(VkDevice device, const char *wanted) {
  INTERCEPT(device_function, device, vkQueueSubmit, submit, lost)
  INTERCEPT(device_function, device, vkAllocateMemory, allocate, scarce)
  INTERCEPT(device_function, device, vkUpdateDescriptorSets, update, aligned)
  return device_function(device, wanted);
}
PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char *wanted) {
  if (!instance_function)
    instance_function = (PFN_vkGetInstanceProcAddr)dlsym(dlopen("libvulkan.so.1", RTLD_NOW),
                                                         "vkGetInstanceProcAddr");
  INTERCEPT(instance_function, instance, vkGetDeviceProcAddr, device_function,
            find_device_function)
  INTERCEPT(instance_function, instance, vkGetPhysicalDeviceFeatures2, features2, fewer_features)
  INTERCEPT(instance_function, instance, vkGetPhysicalDeviceProperties, properties, other_limits)
  return instance_function(instance, wanted);
}
"""


@functools.cache
def shim_library() -> str:
    """The path of the library, for TORSHJIT_LIBVULKAN.

    SHIM_NO_FEATURES=1 hides all features; SHIM_ALIGNMENT, SHIM_RANGE and SHIM_GRID replace limits
    (and a descriptor that is not aligned ends the process); SHIM_MEMORY is the largest allocation;
    after SHIM_SUBMITS submissions the device is lost.
    """
    folder = tempfile.mkdtemp()  # outlives this function: other processes load it
    code, library = Path(folder) / "shim.c", Path(folder) / "libvulkan-shim.so"
    code.write_text(_SOURCE)
    compiler = os.environ.get("CC", "cc")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-w", str(code), "-o", str(library), "-ldl"], check=True
    )
    return str(library)
