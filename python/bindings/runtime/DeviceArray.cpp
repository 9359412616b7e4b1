// SPDX-License-Identifier: Apache-2.0
// Results for the libraries that come without torch: memory of its own, lent through DLPack.
#include "DeviceArray.h"

#include "DLPack.h"
#include "NumPyArrays.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <list>
#include <string>

namespace torsh::python {
namespace {
using runtime::DataType;
using runtime::Device;

struct DeviceArray {
  Device &device;
  runtime::TensorDevice where;
  // Not of a queue: who reads it, on what stream and for how long, is not known here. Freeing it
  // waits for the device.
  runtime::DeviceMemory memory;
  DataType dtype;
  std::vector<int64_t> shape;
};

nb::tuple shapeOf(const DeviceArray &self) {
  nb::list extents;
  for (int64_t extent : self.shape)
    extents.append(extent);
  return nb::tuple(extents);
}

nb::object lend(nb::handle handle, std::optional<int64_t> stream) {
  const auto &self = nb::cast<const DeviceArray &>(handle);
  // None and 1 are the default stream, on which the array was written; -1 asks for no order.
  int64_t reader = stream.value_or(1);
  if (self.where.type == kDLCUDA && reader == 0)
    throw nb::value_error("stream: 0 is ambiguous; the default stream is 1");
  if (reader != -1)
    self.device.orderStreams(0, reader == 1 ? 0 : static_cast<uintptr_t>(reader));
  return lendTensor(nb::borrow(handle), self.memory.data(), self.dtype, self.shape, self.where);
}

nb::object toNumPy(const DeviceArray &self) {
  requireNumPy();
  void *data = nullptr;
  nb::object array = newArray(self.dtype, self.shape, data);
  size_t bytes = runtime::byteSize(self.dtype);
  for (int64_t extent : self.shape)
    bytes *= static_cast<size_t>(extent);
  nb::gil_scoped_release release;
  if (bytes)
    self.device.download(data, self.memory.data(), bytes);
  return array;
}

std::string reprOf(const DeviceArray &self) {
  return "<torshjit.DeviceArray " + std::string(runtime::name(self.dtype)) + " of shape " +
         nb::str(nb::handle(shapeOf(self))).c_str() + " on " + std::string(self.device.name()) +
         ":" + std::to_string(self.where.index) + ">";
}

/// Objects in use by work that is under way. Guarded by the GIL; never destroyed.
struct Kept {
  Device *device;
  uintptr_t point;
  std::vector<nb::object> objects;
};
std::list<Kept> &keptObjects() {
  static auto *kept = new std::list<Kept>;
  return *kept;
}
} // namespace

nb::object newDeviceArray(Device &device, DataType dtype, const std::vector<int64_t> &shape,
                          void *&data) {
  size_t bytes = runtime::byteSize(dtype);
  for (int64_t extent : shape)
    bytes *= static_cast<size_t>(extent);
  DeviceArray array{device, device.tensorDevice().value(), runtime::DeviceMemory(device, bytes),
                    dtype, shape};
  data = array.memory.data();
  return nb::cast(std::move(array));
}

void keepUntilDone(Device &device, std::vector<nb::object> objects) {
  std::list<Kept> &kept = keptObjects();
  // Moved out before anything is destroyed: destructors may run Python code that comes back here.
  std::list<Kept> done;
  for (auto it = kept.begin(); it != kept.end();) {
    auto next = std::next(it);
    if (it->device->isPassed(it->point))
      done.splice(done.end(), kept, it);
    it = next;
  }
  if (!objects.empty())
    kept.push_back({&device, device.recordPoint(), std::move(objects)});
}

void bindDeviceArray(nb::module_ &m) {
  // What is kept when the interpreter ends belongs to nobody any more.
  nb::module_::import_("atexit").attr("register")(nb::cpp_function([] {
    std::list<Kept> last;
    last.swap(keptObjects());
  }));
  nb::class_<DeviceArray>(
      m, "DeviceArray",
      "A result in a device's memory, of a call whose arguments came through DLPack.\n\n"
      "Any library that takes DLPack reads it without a copy: cupy.from_dlpack(result).")
      .def_prop_ro("shape", shapeOf)
      .def_prop_ro(
          "dtype", [](const DeviceArray &self) { return std::string(runtime::name(self.dtype)); },
          "The element type's name, such as f32.")
      .def("numpy", toNumPy, "A copy as a NumPy array.")
      .def(
          "__dlpack__",
          [](nb::handle self, std::optional<int64_t> stream, nb::handle, nb::handle, nb::handle) {
            return lend(self, stream);
          },
          nb::kw_only(), nb::arg("stream") = nb::none(), nb::arg("max_version") = nb::none(),
          nb::arg("dl_device") = nb::none(), nb::arg("copy") = nb::none())
      .def(
          "__dlpack_device__",
          [](const DeviceArray &self) { return nb::make_tuple(self.where.type, self.where.index); })
      .def("__repr__", reprOf);
}

} // namespace torsh::python
