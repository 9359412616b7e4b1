// SPDX-License-Identifier: Apache-2.0
// The table of devices: those of this build, and those registered later.
#include "torshjit/Runtime/Device.h"

#include "torshjit/Runtime/CPU/CPUDevice.h"
#include "torshjit/Runtime/CUDA/CUDADevice.h"
#include "torshjit/Runtime/Emulator/EmulatedDevice.h"
#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/ForkAwareMutex.h"
#include "torshjit/Runtime/Vulkan/VulkanDevice.h"

#include <map>
#include <mutex>
#include <new>

namespace torsh::runtime {

Queue::~Queue() = default;
KernelLibrary::~KernelLibrary() = default;
Device::~Device() = default;

void *Queue::allocate(size_t) { throw std::bad_alloc(); }
void Queue::release(void *) noexcept {}
void Queue::upload(void *, const void *, size_t) {
  throw Error(ErrorKind::Device, "the device's queues take no uploads");
}

namespace {
struct DeviceTable {
  ForkAwareMutex mutex;
  std::map<std::string, DeviceFactory, std::less<>> factories = {
      {"cpu", []() -> Device & { return CPUDevice::global(); }},
      {"cuda", []() -> Device & { return CUDADevice::global(); }},
      {"cuda-emulated", []() -> Device & { return EmulatedDevice::global(); }},
      {"vulkan", openVulkanDevice},
  };

  /// Never destroyed: executables may outlive static destructors.
  static DeviceTable &global() {
    static auto *table = new DeviceTable;
    return *table;
  }

  DeviceFactory find(std::string_view name) {
    std::lock_guard<ForkAwareMutex> lock(mutex);
    auto found = factories.find(name);
    return found == factories.end() ? nullptr : found->second;
  }
};
} // namespace

void registerDevice(std::string name, DeviceFactory factory) {
  DeviceTable &table = DeviceTable::global();
  // The old factory is destroyed outside the lock: it may own anything.
  std::lock_guard<ForkAwareMutex> lock(table.mutex);
  table.factories[std::move(name)].swap(factory);
}

Device &findDevice(std::string_view target) {
  std::string_view name = target.substr(0, target.find(':'));
  // Called outside the lock: opening a device takes long, and may ask for the GIL.
  if (DeviceFactory factory = DeviceTable::global().find(name))
    return factory();
  throw Error(ErrorKind::Device, "this runtime has no device for target \"" + std::string(target) +
                                     "\"; compiling for it needs none: torshjit.trace gives its "
                                     "code by ir() and saves it by save()");
}

void throwDeviceAbsent(std::string_view device, const std::string &missing) {
  throw Error(ErrorKind::Device, "there is no " + std::string(device) + " device here: " + missing +
                                     "; compiling for it needs none: torshjit.trace gives its code "
                                     "by ir() and saves it by save(), to run on a machine that has "
                                     "one");
}

} // namespace torsh::runtime
