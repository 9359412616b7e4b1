// SPDX-License-Identifier: Apache-2.0
// Device, queue and kernel library on top of an object of Python.
#include "PythonDevice.h"

#include "torshjit/Runtime/Device.h"
#include "torshjit/Runtime/Error.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace torsh::python {
namespace {
using runtime::Device;
using runtime::DeviceLimits;
using runtime::Error;
using runtime::ErrorKind;
using runtime::KernelHandle;
using runtime::KernelLibrary;
using runtime::Queue;

/// What find() of a Python library answered.
struct PythonKernel {
  nb::object object;
  size_t numOperands;
  size_t numSizes;
};

uintptr_t addressOf(const void *memory) { return reinterpret_cast<uintptr_t>(memory); }

KernelHandle handleOf(const std::unique_ptr<PythonKernel> &kernel) {
  return reinterpret_cast<KernelHandle>(kernel.get());
}

/// Destructors run while an exception is on its way, which Python code called
/// meanwhile must not see.
class ErrorOnItsWay {
public:
  ErrorOnItsWay() { PyErr_Fetch(&type, &value, &traceback); }
  ~ErrorOnItsWay() { PyErr_Restore(type, value, traceback); }
  ErrorOnItsWay(const ErrorOnItsWay &) = delete;
  ErrorOnItsWay &operator=(const ErrorOnItsWay &) = delete;

private:
  PyObject *type = nullptr;
  PyObject *value = nullptr;
  PyObject *traceback = nullptr;
};

/// Shows host memory to one call of Python, which must not keep it.
class BorrowedMemory {
public:
  BorrowedMemory(void *memory, size_t bytes, int access)
      : view(nb::steal(PyMemoryView_FromMemory(static_cast<char *>(memory),
                                               static_cast<Py_ssize_t>(bytes), access))) {
    if (!view.is_valid())
      throw nb::python_error();
  }
  const nb::object &object() const { return view; }
  /// A view that the device kept raises ValueError from now on.
  void release() { view.attr("release")(); }

private:
  nb::object view;
};

class PythonDevice;

class PythonQueue : public Queue {
public:
  explicit PythonQueue(PythonDevice &device) : device(device) {}
  void launch(KernelHandle kernel, void *const *pointers, const int64_t *sizes) override;
  void expectOperands(const size_t *bytes, size_t count) override;
  void copy(void *destination, const void *source, size_t bytes) override;
  void synchronize() override;
  void abandon() noexcept override;

private:
  PythonDevice &device;
};

class PythonLibrary : public KernelLibrary {
public:
  PythonLibrary(PythonDevice &device, nb::object library)
      : device(device), library(std::move(library)) {}
  ~PythonLibrary() override;
  KernelHandle find(const std::string &kernel) const override;

private:
  PythonDevice &device;
  nb::object library;
  mutable std::map<std::string, std::unique_ptr<PythonKernel>> kernels;
};

/// Lives as long as the process, but lets go of the object when the
/// interpreter exits: by then nothing runs on it any more.
class PythonDevice : public Device {
public:
  PythonDevice(std::string name, const nb::object &object)
      : deviceName(std::move(name)), hostMemory(nb::cast<bool>(object.attr("is_host_memory"))),
        checks(nb::hasattr(object, "expect_operands")), pythonQueue(*this), object(object) {
    auto read = [&](const char *attribute, size_t otherwise) {
      return nb::hasattr(object, attribute) ? nb::cast<size_t>(object.attr(attribute)) : otherwise;
    };
    deviceLimits.alignment = read("alignment", deviceLimits.alignment);
    deviceLimits.maxBufferBytes = read("max_buffer_bytes", deviceLimits.maxBufferBytes);
    if (deviceLimits.alignment < runtime::kBufferAlignment ||
        (deviceLimits.alignment & (deviceLimits.alignment - 1)))
      throw nb::value_error(("register_device: the alignment must be a power of two and at least " +
                             std::to_string(runtime::kBufferAlignment))
                                .c_str());
  }

  std::string_view name() const override { return deviceName; }
  bool isHostMemory() const override { return hostMemory; }
  bool checksAccesses() const override { return checks; }
  DeviceLimits limits() const override { return deviceLimits; }
  Queue &queue() override { return pythonQueue; }

  /// Only with the GIL.
  const nb::object &get() const {
    if (!object.is_valid())
      throw Error(ErrorKind::Device,
                  "the device \"" + deviceName + "\" is closed: the interpreter exits");
    return object;
  }
  void close() { object.reset(); }

  /// The kernels of all living libraries. Only with the GIL.
  std::set<KernelHandle> handles;

  void *allocate(size_t bytes) override {
    nb::gil_scoped_acquire gil;
    auto address = nb::cast<uintptr_t>(get().attr("allocate")(std::max<size_t>(bytes, 1)));
    if (!address || address % deviceLimits.alignment)
      throw Error(ErrorKind::Device, "the device \"" + deviceName + "\" allocated at address " +
                                         std::to_string(address) + ", which is not aligned to " +
                                         std::to_string(deviceLimits.alignment) + " bytes");
    return reinterpret_cast<void *>(address);
  }
  void deallocate(void *memory, size_t bytes) noexcept override {
    if (!Py_IsInitialized())
      return;
    nb::gil_scoped_acquire gil;
    ErrorOnItsWay error;
    if (!object.is_valid())
      return;
    try {
      object.attr("deallocate")(addressOf(memory), std::max<size_t>(bytes, 1));
    } catch (nb::python_error &e) {
      e.discard_as_unraisable("deallocating memory of a device");
    }
  }
  void upload(void *destination, const void *source, size_t bytes) override {
    nb::gil_scoped_acquire gil;
    BorrowedMemory memory(const_cast<void *>(source), bytes, PyBUF_READ);
    get().attr("upload")(addressOf(destination), memory.object());
    memory.release();
  }
  void download(void *destination, const void *source, size_t bytes) override {
    nb::gil_scoped_acquire gil;
    BorrowedMemory memory(destination, bytes, PyBUF_WRITE);
    get().attr("download")(addressOf(source), memory.object());
    memory.release();
  }
  void abandon() noexcept {
    nb::gil_scoped_acquire gil;
    if (!object.is_valid())
      return;
    try {
      if (nb::hasattr(object, "abandon"))
        object.attr("abandon")();
    } catch (nb::python_error &e) {
      e.discard_as_unraisable("abandoning the work of a device");
    }
  }
  std::unique_ptr<KernelLibrary> load(std::string_view binary) override {
    nb::gil_scoped_acquire gil;
    return std::make_unique<PythonLibrary>(
        *this, get().attr("load")(nb::bytes(binary.data(), binary.size())));
  }

private:
  std::string deviceName;
  bool hostMemory;
  bool checks;
  DeviceLimits deviceLimits;
  PythonQueue pythonQueue;
  nb::object object;
};

void PythonQueue::launch(KernelHandle handle, void *const *pointers, const int64_t *sizes) {
  nb::gil_scoped_acquire gil;
  if (!device.handles.count(handle))
    throw Error(ErrorKind::Program, "the device \"" + std::string(device.name()) +
                                        "\" loads its kernels and has none at address " +
                                        std::to_string(handle));
  const auto &kernel = *reinterpret_cast<const PythonKernel *>(handle);
  nb::list addresses;
  for (size_t i = 0; i < kernel.numOperands; ++i)
    addresses.append(addressOf(pointers[i]));
  nb::list extents;
  for (size_t i = 0; i < kernel.numSizes; ++i)
    extents.append(sizes[i]);
  device.get().attr("launch")(kernel.object, addresses, extents);
}

void PythonQueue::expectOperands(const size_t *bytes, size_t count) {
  nb::gil_scoped_acquire gil;
  nb::list operands;
  for (size_t i = 0; i < count; ++i)
    operands.append(bytes[i]);
  device.get().attr("expect_operands")(operands);
}

void PythonQueue::copy(void *destination, const void *source, size_t bytes) {
  nb::gil_scoped_acquire gil;
  device.get().attr("copy")(addressOf(destination), addressOf(source), bytes);
}

void PythonQueue::synchronize() {
  nb::gil_scoped_acquire gil;
  device.get().attr("synchronize")();
}

void PythonQueue::abandon() noexcept { device.abandon(); }

PythonLibrary::~PythonLibrary() {
  if (!Py_IsInitialized()) {
    // The references die with the interpreter.
    library.release();
    for (auto &[name, kernel] : kernels)
      kernel->object.release();
    return;
  }
  nb::gil_scoped_acquire gil;
  ErrorOnItsWay error;
  for (auto &[name, kernel] : kernels)
    device.handles.erase(handleOf(kernel));
  kernels.clear();
  library.reset();
}

KernelHandle PythonLibrary::find(const std::string &name) const {
  nb::gil_scoped_acquire gil;
  device.get();
  std::unique_ptr<PythonKernel> &kernel = kernels[name];
  if (!kernel) {
    auto answer = nb::cast<nb::tuple>(nb::object(library.attr("find")(name)));
    if (answer.size() != 3)
      throw nb::value_error("find must return (kernel, number of operands, number of sizes)");
    kernel = std::make_unique<PythonKernel>(PythonKernel{
        nb::borrow(answer[0]), nb::cast<size_t>(answer[1]), nb::cast<size_t>(answer[2])});
  }
  device.handles.insert(handleOf(kernel));
  return handleOf(kernel);
}

/// Touched with the GIL only. Devices are never destroyed.
std::vector<PythonDevice *> &devices() {
  static auto *created = new std::vector<PythonDevice *>;
  return *created;
}

void closeDevices() {
  for (PythonDevice *device : devices())
    device->close();
}

void registerPythonDevice(const std::string &name, const nb::object &object) {
  if (devices().empty())
    nb::module_::import_("atexit").attr("register")(nb::cpp_function(closeDevices));
  auto device = std::make_unique<PythonDevice>(name, object);
  devices().push_back(device.get());
  runtime::registerDevice(name, [device = device.release()]() -> Device & { return *device; });
}
} // namespace

void bindPythonDevice(nb::module_ &m) {
  m.def(
      "register_device", registerPythonDevice, nb::arg("name"), nb::arg("device"),
      "Makes an object the device of programs whose target is `name`.\n\n"
      "It has is_host_memory (whether kernels and copies take any address of the process; read "
      "once) and may have alignment (64) and max_buffer_bytes. Addresses are integers: what "
      "allocate returned, or offsets into it.\n"
      "  allocate(bytes) -> address, aligned; raises MemoryError\n"
      "  deallocate(address, bytes)\n"
      "  upload(address, memoryview), download(address, memoryview): complete on return; the "
      "view ends with the call\n"
      "  load(bytes) -> library, with find(name) -> (kernel, operands, sizes): an object of its "
      "own and how many pointers and sizes each launch takes\n"
      "  launch(kernel, addresses, sizes), copy(destination, source, bytes): in order, "
      "synchronize(): returns when all is done\n"
      "  expect_operands(bytes), if there is one: the bytes of each operand of the launch or copy "
      "that follows on this thread\n"
      "  abandon(), if there is one: called after an exception; drops what has not begun\n"
      "Methods are called with the GIL, from any thread; their exceptions travel to the caller. "
      "The name's earlier device stays that of executables already loaded.");
}

} // namespace torsh::python
