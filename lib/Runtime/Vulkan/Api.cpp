// SPDX-License-Identifier: Apache-2.0
// Opens libvulkan.
#include "Api.h"

#include "torshjit/Runtime/Device.h"

#include <cstdlib>
#include <dlfcn.h>
#include <string>

namespace torsh::runtime::vulkan {
namespace {
template <typename Function, typename Pointer>
void take(Function &function, Pointer found, const char *name) {
  if (!found)
    throwDeviceAbsent("vulkan", "its library has no function " + std::string(name));
  function = reinterpret_cast<Function>(found);
}
} // namespace

void Api::open() {
  const char *name = std::getenv("TORSHJIT_LIBVULKAN");
  if (!name || !*name)
    name = "libvulkan.so.1";
  // Never closed: what is loaded into a process by a driver cannot be unloaded.
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *why = dlerror();
    throwDeviceAbsent("vulkan", "the library cannot be opened (" +
                                    std::string(why ? why : "no reason given") +
                                    "); install the Vulkan loader (libvulkan1) and a driver");
  }
  take(getInstanceProcAddr, dlsym(library, "vkGetInstanceProcAddr"), "vkGetInstanceProcAddr");
#define TORSH_FIND(function) take(function, getInstanceProcAddr(nullptr, #function), #function);
  TORSH_VULKAN_GLOBAL_FUNCTIONS(TORSH_FIND)
#undef TORSH_FIND
}

void Api::findInstanceFunctions(VkInstance instance) {
#define TORSH_FIND(function) take(function, getInstanceProcAddr(instance, #function), #function);
  TORSH_VULKAN_INSTANCE_FUNCTIONS(TORSH_FIND)
#undef TORSH_FIND
}

void Api::findDeviceFunctions(VkDevice device) {
#define TORSH_FIND(function) take(function, vkGetDeviceProcAddr(device, #function), #function);
  TORSH_VULKAN_DEVICE_FUNCTIONS(TORSH_FIND)
#undef TORSH_FIND
}

} // namespace torsh::runtime::vulkan
