// SPDX-License-Identifier: Apache-2.0
// The kernels of a bundle as pipelines.
#ifndef TORSHJIT_LIB_RUNTIME_VULKAN_PIPELINELIBRARY_H
#define TORSHJIT_LIB_RUNTIME_VULKAN_PIPELINELIBRARY_H

#include "Context.h"
#include "torshjit/Runtime/Device.h"
#include "torshjit/Runtime/KernelBundle.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace torsh::runtime::vulkan {

/// What a KernelHandle of this device points to.
struct PipelineKernel {
  std::string name;
  const BundledKernel *kernel = nullptr;
  VkDescriptorSetLayout setLayout = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  std::vector<VkPipeline> pipelines; ///< one for each variant

  /// The operands and, where there are sizes, the buffer that holds them.
  size_t numBindings() const { return kernel->operands.size() + (kernel->numSizes ? 1 : 0); }
};

class PipelineLibrary : public KernelLibrary {
public:
  /// Throws Error(Program) for malformed bundles and those of other targets,
  /// Error(Device) for code that the device cannot run.
  PipelineLibrary(Context &context, std::string_view binary);
  ~PipelineLibrary() override;
  /// Makes the kernel's pipelines the first time.
  KernelHandle find(const std::string &kernel) const override;

private:
  void build(PipelineKernel &kernel) const;
  void checkLimits(const PipelineKernel &kernel) const;
  void destroy(const PipelineKernel &kernel) const;

  Context &context;
  KernelBundle bundle;
  std::vector<VkShaderModule> modules;
  mutable std::map<std::string, std::unique_ptr<PipelineKernel>> kernels;
};

} // namespace torsh::runtime::vulkan

#endif // TORSHJIT_LIB_RUNTIME_VULKAN_PIPELINELIBRARY_H
