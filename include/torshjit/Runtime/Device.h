// SPDX-License-Identifier: Apache-2.0
// What the runtime asks of a device; one implementation per folder of
// lib/Runtime, or an object of the caller's.
#ifndef TORSHJIT_RUNTIME_DEVICE_H
#define TORSHJIT_RUNTIME_DEVICE_H

#include "torshjit/Runtime/DeviceLimits.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace torsh::runtime {

/// A loaded kernel, in the device's own terms and never 0: a code address on
/// the CPU, elsewhere a pointer to what the device keeps about the kernel.
using KernelHandle = uintptr_t;

/// Takes work in order: the calling thread on the CPU, a stream on CUDA.
class Queue {
public:
  virtual ~Queue();
  /// Reads `pointers` and `sizes` before it returns.
  virtual void launch(KernelHandle kernel, void *const *pointers, const int64_t *sizes) = 0;
  /// The bytes of each operand of the next launch, if the device checks accesses.
  virtual void expectOperands(const size_t * /*bytes*/, size_t /*count*/) {}
  virtual void copy(void *destination, const void *source, size_t bytes) = 0;
  /// Returns when everything given to the queue is done.
  virtual void synchronize() = 0;
  /// Sees to it that everything given to the queue will be done. A queue that
  /// returns before it is lives as long as the process and can be
  /// synchronized from any thread.
  virtual void submit() { synchronize(); }
  /// After an exception: what has not begun is dropped, what has is waited for.
  virtual void abandon() noexcept {}

  // For devices that order memory.
  /// Memory for what is given to the queue from now on; throws std::bad_alloc.
  virtual void *allocate(size_t bytes);
  /// Free once what has been given to the queue is done.
  virtual void release(void *memory) noexcept;
  /// Host to device in the order of the queue. A source of at most 16 bytes is
  /// read before it returns, a larger one by the next synchronize at the latest.
  virtual void upload(void *destination, const void *source, size_t bytes);
};

/// Kernels loaded from one binary; handles are valid while it lives.
class KernelLibrary {
public:
  virtual ~KernelLibrary();
  /// Throws Error(Program) when there is no such kernel.
  virtual KernelHandle find(const std::string &kernel) const = 0;
};

/// A device as DLPack numbers them: CUDA's first is {2, 0}.
struct TensorDevice {
  int type = 0;
  int index = 0;
  bool operator==(const TensorDevice &other) const {
    return type == other.type && index == other.index;
  }
  bool operator!=(const TensorDevice &other) const { return !(*this == other); }
};

/// Usable from any number of threads at once.
class Device {
public:
  virtual ~Device();
  virtual std::string_view name() const = 0;
  /// Whether kernels and copies take any address of the host. Otherwise they
  /// take what `allocate` gave, and calls with host arrays are staged.
  virtual bool isHostMemory() const = 0;
  /// Whether queues allocate and release memory in the order of their work: a
  /// call then takes its own and gives it back before it is done. Otherwise
  /// memory is kept from call to call, and calls through several queues wait.
  virtual bool ordersMemory() const { return false; }
  /// Whether queues find accesses outside of operands, and are told of their bytes.
  virtual bool checksAccesses() const { return false; }
  virtual DeviceLimits limits() const { return {}; }
  /// Aligned to limits().alignment; throws std::bad_alloc.
  virtual void *allocate(size_t bytes) = 0;
  virtual void deallocate(void *memory, size_t bytes) noexcept = 0;
  /// Host to device, complete on return.
  virtual void upload(void *destination, const void *source, size_t bytes) = 0;
  /// Device to host, complete on return; what wrote `source` is synchronized.
  virtual void download(void *destination, const void *source, size_t bytes) = 0;
  virtual std::unique_ptr<KernelLibrary> load(std::string_view binary) = 0;
  /// The queue of the calling thread.
  virtual Queue &queue() = 0;

  // For devices whose memory other frameworks share.
  /// Whose tensors programs read and write in place; nothing: only the host's.
  virtual std::optional<TensorDevice> tensorDevice() const { return std::nullopt; }
  /// Sends the calling thread's work to a framework's stream from now on, 0
  /// being the device's default; returns what was set before.
  virtual uintptr_t exchangeStream(uintptr_t) { return 0; }
  /// What `after` is given from now on waits for what `before` has been given.
  virtual void orderStreams(uintptr_t, uintptr_t) {}
  /// A point behind what the calling thread's queue has been given.
  virtual uintptr_t recordPoint() { return 0; }
  /// Whether all before a point is done; one that is must not be asked again.
  virtual bool isPassed(uintptr_t) { return true; }
};

/// Returns a device that lives as long as the process, the same one each time;
/// opens it the first time. Throws Error(Device) when the machine lacks it.
using DeviceFactory = std::function<Device &()>;

/// Makes a device known by the name that programs give as their target. It
/// takes the place of an earlier one for executables loaded from now on.
void registerDevice(std::string name, DeviceFactory factory);

/// The device that runs programs of `target`, a name or `name:architecture`.
/// Throws Error(Device) for names that no device has, and for devices that
/// are absent.
Device &findDevice(std::string_view target);

/// The error of a device that cannot be opened: what is missing, and that
/// compiling for it needs none.
[[noreturn]] void throwDeviceAbsent(std::string_view device, const std::string &missing);

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

/// Memory of one call, for devices that order memory.
class QueueMemory {
public:
  QueueMemory() = default;
  QueueMemory(Queue &queue, size_t bytes)
      : queue(&queue), memory(bytes ? queue.allocate(bytes) : nullptr) {}
  QueueMemory(QueueMemory &&other) noexcept
      : queue(other.queue), memory(std::exchange(other.memory, nullptr)) {}
  QueueMemory &operator=(QueueMemory &&other) noexcept {
    std::swap(queue, other.queue);
    std::swap(memory, other.memory);
    return *this;
  }
  ~QueueMemory() {
    if (memory)
      queue->release(memory);
  }
  char *data() const { return static_cast<char *>(memory); }

private:
  Queue *queue = nullptr;
  void *memory = nullptr;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_DEVICE_H
