// SPDX-License-Identifier: Apache-2.0
// What the runtime asks of a device; one implementation per folder of
// lib/Runtime.
#ifndef TORSHJIT_RUNTIME_DEVICE_H
#define TORSHJIT_RUNTIME_DEVICE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace torsh::runtime {

/// A loaded kernel, in the device's own terms: a code address on the CPU.
using KernelHandle = uintptr_t;

/// Takes work in order: the calling thread on the CPU, a stream on CUDA.
class Queue {
public:
  virtual ~Queue();
  virtual void launch(KernelHandle kernel, void *const *pointers, const int64_t *sizes) = 0;
  virtual void copy(void *destination, const void *source, size_t bytes) = 0;
  /// Returns when everything given to the queue is done.
  virtual void synchronize() = 0;
};

/// Kernels loaded from one binary; handles are valid while it lives.
class KernelLibrary {
public:
  virtual ~KernelLibrary();
  /// Throws Error(Program) when there is no such kernel.
  virtual KernelHandle find(const std::string &kernel) const = 0;
};

class Device {
public:
  virtual ~Device();
  virtual std::string_view name() const = 0;
  /// Aligned to kBufferAlignment; throws std::bad_alloc.
  virtual void *allocate(size_t bytes) = 0;
  virtual void deallocate(void *memory, size_t bytes) noexcept = 0;
  /// Host to device, complete on return.
  virtual void upload(void *destination, const void *source, size_t bytes) = 0;
  virtual std::unique_ptr<KernelLibrary> load(std::string_view binary) = 0;
  /// The queue of the calling thread.
  virtual Queue &queue() = 0;
};

/// The device that runs programs of `target`; throws Error(Program) for
/// targets this build does not run. Devices live as long as the process.
Device &findDevice(std::string_view target);

/// Device memory with an owner.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(Device &device, size_t bytes)
      : device(&device), memory(device.allocate(bytes)), bytes(bytes) {}
  DeviceMemory(DeviceMemory &&other) noexcept
      : device(other.device), memory(std::exchange(other.memory, nullptr)),
        bytes(std::exchange(other.bytes, 0)) {}
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    std::swap(device, other.device);
    std::swap(memory, other.memory);
    std::swap(bytes, other.bytes);
    return *this;
  }
  ~DeviceMemory() {
    if (memory)
      device->deallocate(memory, bytes);
  }
  char *data() const { return static_cast<char *>(memory); }
  size_t size() const { return bytes; }

private:
  Device *device = nullptr;
  void *memory = nullptr;
  size_t bytes = 0;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_DEVICE_H
