// SPDX-License-Identifier: Apache-2.0
// The host processor in place of a CUDA GPU: kernels run with every thread a fiber,
// and with checks that a GPU does not make.
#ifndef TORSHJIT_RUNTIME_EMULATOR_EMULATEDDEVICE_H
#define TORSHJIT_RUNTIME_EMULATOR_EMULATEDDEVICE_H

#include "torshjit/Runtime/Device.h"

namespace torsh::runtime {

/// Each launch is run in the orders that TORSHJIT_EMULATOR_ORDER names (all,
/// ascending, descending, shuffled), by default in all of them, and throws
/// Error(Program) when a check fails. TORSHJIT_EMULATOR_GRID_LIMIT is the most
/// blocks of a launch, by default as many as a GPU takes.
class EmulatedDevice : public Device {
public:
  static EmulatedDevice &global();
  std::string_view name() const override { return "cuda-emulated"; }
  bool isHostMemory() const override { return true; }
  bool checksAccesses() const override { return true; }
  void *allocate(size_t bytes) override;
  void deallocate(void *memory, size_t bytes) noexcept override;
  void upload(void *destination, const void *source, size_t bytes) override;
  void download(void *destination, const void *source, size_t bytes) override;
  std::unique_ptr<KernelLibrary> load(std::string_view binary) override;
  Queue &queue() override;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_EMULATOR_EMULATEDDEVICE_H
