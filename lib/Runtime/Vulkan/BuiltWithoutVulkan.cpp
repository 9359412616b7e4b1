// SPDX-License-Identifier: Apache-2.0
// Stands in for the device where Vulkan's headers were missing.
#include "torshjit/Runtime/Vulkan/VulkanDevice.h"

namespace torsh::runtime {

Device &openVulkanDevice() {
  throwDeviceAbsent("vulkan", "this build was made without Vulkan's headers; install them "
                              "(libvulkan-dev) and build again");
}

} // namespace torsh::runtime
