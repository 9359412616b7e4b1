// SPDX-License-Identifier: Apache-2.0
// The kernels of one bundle, made machine code by the driver.
#ifndef TORSHJIT_RUNTIME_CUDA_PTXMODULES_H
#define TORSHJIT_RUNTIME_CUDA_PTXMODULES_H

#include "torshjit/Runtime/CUDA/CUDADevice.h"
#include "torshjit/Runtime/KernelBundle.h"

#include <map>
#include <string>
#include <vector>

namespace torsh::runtime::cuda {

/// What a KernelHandle of a CUDA device points to.
struct LoadedKernel {
  struct Variant {
    CUfunction function = nullptr;
    unsigned dynamicSharedBytes = 0;
  };
  const BundledKernel *bundled = nullptr;
  /// One per variant of `bundled`.
  std::vector<Variant> variants;
};

class PTXModules : public KernelLibrary {
public:
  /// Throws Error(Program) when the bundle is malformed or its code does not load, with the
  /// driver's log, and Error(Device) when it is for another architecture.
  PTXModules(const Driver &driver, const CUDADevice &device, std::string_view bundle);
  ~PTXModules() override;
  PTXModules(const PTXModules &) = delete;
  PTXModules &operator=(const PTXModules &) = delete;
  KernelHandle find(const std::string &kernel) const override;

private:
  void loadModule(const std::string &ptx);
  void loadKernel(const std::string &name, const BundledKernel &kernel);
  void unload() noexcept;

  const Driver &driver;
  const CUDADevice &device;
  KernelBundle bundle;
  std::vector<CUmodule> modules;
  std::map<std::string, LoadedKernel> kernels;
};

} // namespace torsh::runtime::cuda

#endif // TORSHJIT_RUNTIME_CUDA_PTXMODULES_H
