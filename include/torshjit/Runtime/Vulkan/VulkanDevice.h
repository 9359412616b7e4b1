// SPDX-License-Identifier: Apache-2.0
// A GPU (or a processor that acts as one) through Vulkan 1.1.
#ifndef TORSHJIT_RUNTIME_VULKAN_VULKANDEVICE_H
#define TORSHJIT_RUNTIME_VULKAN_VULKANDEVICE_H

#include "torshjit/Runtime/Device.h"

namespace torsh::runtime {

/// The device that TORSHJIT_VULKAN_DEVICE names (an index or a part of a
/// name), else the fastest kind there is; opened at the first call, closed by
/// the end of the process. Throws Error(Device) when libvulkan.so.1 or a
/// device is missing, Error(Option) when the variable fits none.
Device &openVulkanDevice();

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_VULKAN_VULKANDEVICE_H
