// SPDX-License-Identifier: Apache-2.0
// The host processor as a device.
#ifndef TORSHJIT_RUNTIME_CPU_CPUDEVICE_H
#define TORSHJIT_RUNTIME_CPU_CPUDEVICE_H

#include "torshjit/Runtime/Device.h"

namespace torsh::runtime {

class CPUDevice : public Device {
public:
  static CPUDevice &global();
  std::string_view name() const override { return "cpu"; }
  bool isHostMemory() const override { return true; }
  void *allocate(size_t bytes) override;
  void deallocate(void *memory, size_t bytes) noexcept override;
  void upload(void *destination, const void *source, size_t bytes) override;
  void download(void *destination, const void *source, size_t bytes) override;
  std::unique_ptr<KernelLibrary> load(std::string_view binary) override;
  Queue &queue() override;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CPU_CPUDEVICE_H
