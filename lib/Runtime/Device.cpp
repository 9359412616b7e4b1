// SPDX-License-Identifier: Apache-2.0
// The table of devices this build runs.
#include "torshjit/Runtime/Device.h"

#include "torshjit/Runtime/CPU/CPUDevice.h"
#include "torshjit/Runtime/Error.h"

namespace torsh::runtime {

Queue::~Queue() = default;
KernelLibrary::~KernelLibrary() = default;
Device::~Device() = default;

namespace {
struct Row {
  std::string_view target;
  Device &(*get)();
};
constexpr Row kDevices[] = {
    {"cpu", []() -> Device & { return CPUDevice::global(); }},
};
} // namespace

Device &findDevice(std::string_view target) {
  for (const Row &row : kDevices)
    if (row.target == target)
      return row.get();
  throw Error(ErrorKind::Program,
              "this runtime has no device for target \"" + std::string(target) + "\"");
}

} // namespace torsh::runtime
