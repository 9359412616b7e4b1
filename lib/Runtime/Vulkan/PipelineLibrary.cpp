// SPDX-License-Identifier: Apache-2.0
// Makes pipelines from the SPIR-V of a bundle.
#include "PipelineLibrary.h"

#include "ShaderCode.h"
#include "torshjit/Runtime/Error.h"

namespace torsh::runtime::vulkan {

PipelineLibrary::PipelineLibrary(Context &context, std::string_view binary)
    : context(context), bundle(KernelBundle::parse(binary)), modules(bundle.modules.size()) {
  if (bundle.target != "vulkan")
    throw Error(ErrorKind::Program,
                "a kernel bundle for target \"" + bundle.target + "\" does not run on vulkan");
  try {
    for (size_t m = 0; m < modules.size(); ++m) {
      std::vector<uint32_t> code = decodeShaderCode(bundle.code(m, "spirv"));
      checkCapabilities(code, context);
      auto info = structure<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
      info.codeSize = code.size() * sizeof(uint32_t);
      info.pCode = code.data();
      context.check(context.api.vkCreateShaderModule(context.device, &info, nullptr, &modules[m]),
                    "loading SPIR-V");
    }
  } catch (...) {
    for (VkShaderModule module : modules)
      context.api.vkDestroyShaderModule(context.device, module, nullptr);
    throw;
  }
}

PipelineLibrary::~PipelineLibrary() {
  if (isForkedAway())
    return;
  for (const auto &[name, kernel] : kernels)
    destroy(*kernel);
  for (VkShaderModule module : modules)
    context.api.vkDestroyShaderModule(context.device, module, nullptr);
}

KernelHandle PipelineLibrary::find(const std::string &name) const {
  // Executables look their kernels up while they are made, by one thread.
  auto found = kernels.find(name);
  if (found == kernels.end()) {
    auto made = std::make_unique<PipelineKernel>();
    made->name = name;
    made->kernel = &bundle.kernel(name);
    checkLimits(*made);
    try {
      build(*made);
    } catch (...) {
      destroy(*made);
      throw;
    }
    found = kernels.emplace(name, std::move(made)).first;
  }
  return reinterpret_cast<KernelHandle>(found->second.get());
}

void PipelineLibrary::checkLimits(const PipelineKernel &kernel) const {
  const VkPhysicalDeviceLimits &limits = context.properties.limits;
  auto check = [&](const char *what, size_t needed, size_t available) {
    if (needed > available)
      throw Error(ErrorKind::Device, "vulkan: kernel \"" + kernel.name + "\" needs " +
                                         std::to_string(needed) + " " + what + ", " +
                                         context.properties.deviceName + " has " +
                                         std::to_string(available));
  };
  check("storage buffers", kernel.numBindings(), limits.maxPerStageDescriptorStorageBuffers);
  for (const KernelVariant &variant : kernel.kernel->variants) {
    check("threads in a workgroup", variant.threads,
          std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]));
    check("bytes of workgroup memory", variant.sharedBytes, limits.maxComputeSharedMemorySize);
  }
}

void PipelineLibrary::build(PipelineKernel &kernel) const {
  const Api &api = context.api;
  std::vector<VkDescriptorSetLayoutBinding> bindings(kernel.numBindings());
  for (uint32_t b = 0; b < bindings.size(); ++b) {
    bindings[b].binding = b;
    bindings[b].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    bindings[b].descriptorCount = 1;
    bindings[b].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  }
  auto setInfo = structure<VkDescriptorSetLayoutCreateInfo>(
      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  setInfo.bindingCount = static_cast<uint32_t>(bindings.size());
  setInfo.pBindings = bindings.data();
  context.check(
      api.vkCreateDescriptorSetLayout(context.device, &setInfo, nullptr, &kernel.setLayout),
      "creating a descriptor set layout");
  auto layoutInfo =
      structure<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  layoutInfo.setLayoutCount = 1;
  layoutInfo.pSetLayouts = &kernel.setLayout;
  context.check(api.vkCreatePipelineLayout(context.device, &layoutInfo, nullptr, &kernel.layout),
                "creating a pipeline layout");

  std::vector<VkComputePipelineCreateInfo> infos;
  for (const KernelVariant &variant : kernel.kernel->variants) {
    auto info =
        structure<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = modules[variant.module];
    info.stage.pName = variant.entry.c_str();
    info.layout = kernel.layout;
    infos.push_back(info);
  }
  kernel.pipelines.resize(infos.size());
  VkResult result = api.vkCreateComputePipelines(context.device, VK_NULL_HANDLE,
                                                 static_cast<uint32_t>(infos.size()), infos.data(),
                                                 nullptr, kernel.pipelines.data());
  context.check(result, ("compiling kernel \"" + kernel.name + "\"").c_str());
}

void PipelineLibrary::destroy(const PipelineKernel &kernel) const {
  const Api &api = context.api;
  for (VkPipeline pipeline : kernel.pipelines)
    api.vkDestroyPipeline(context.device, pipeline, nullptr);
  api.vkDestroyPipelineLayout(context.device, kernel.layout, nullptr);
  api.vkDestroyDescriptorSetLayout(context.device, kernel.setLayout, nullptr);
}

} // namespace torsh::runtime::vulkan
