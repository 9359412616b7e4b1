// SPDX-License-Identifier: Apache-2.0
// GPUs that take SPIR-V, or Metal's language made of it, as targets. This file calls
// passes; an order that is not obvious has its reason beside it.

#include "torshjit/Target/Metal/MetalTarget.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "torshjit/GPU/KernelBundle.h"
#include "torshjit/GPU/Passes.h"
#include "torshjit/Target/Metal/CodeGen/CodeGen.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"
#include "torshjit/Target/Passes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::torsh;

namespace json = llvm::json;

static constexpr Phase kPhases[] = {
    torsh::gpu::kDevicePhase,
    {"spirv", "every kernel is a SPIR-V module of one entry"},
};

namespace {

struct SPIRVOptions {
  /// Whether f64 is refused, and arithmetic left to the compiler's mathematics mode.
  bool forMetal = false;
};

} // namespace

static void buildSPIRV(OpPassManager &pm, const SPIRVOptions &options) {
  OpPassManager &device = pm.nest<mlir::gpu::GPUModuleOp>();
  if (options.forMetal)
    device.addPass(createRefuseFloat64Pass());
  device.addPass(createExpandMetalMathPass());
  device.addPass(createLowerBFloat16Pass());
  device.addPass(createSaturateIndicesPass());
  pm.addPass(createLowerMetalSignaturesPass());
  OpPassManager &lowered = pm.nest<mlir::gpu::GPUModuleOp>();
  lowered.addPass(createCanonicalizerPass());
  lowered.addPass(createCSEPass());
  // Metal's compiler has a mode in which it simplifies nothing that it should not.
  if (!options.forMetal)
    lowered.addPass(createGuardArithmeticPass());
  // After the canonicalizer, which could make scf.for of scf.while again.
  lowered.nest<mlir::gpu::GPUFuncOp>().addPass(createForToWhileLoopPass());
  pm.addPass(createConvertDeviceToSPIRVPass());
  pm.addPass(createCSEPass());
  OpPassManager &shader = pm.nest<spirv::ModuleOp>();
  shader.addPass(spirv::createSPIRVLowerABIAttributesPass());
  shader.addPass(spirv::createSPIRVUpdateVCEPass());
  DecorateSPIRVPassOptions decorations;
  decorations.exact = !options.forMetal;
  shader.addPass(createDecorateSPIRVPass(decorations));
  VerifyDialectsPassOptions contract;
  contract.phase = "spirv";
  contract.dialects = {"spirv"};
  pm.addPass(createVerifyDialectsPass(contract));
}

/// A shader as the runtime's device takes it.
using DescribeShader = llvm::Expected<json::Object> (*)(const metal::Shader &shader);

/// The bundle that `description` begins, with the shaders.
static llvm::Expected<json::Object>
buildBundle(StringRef description, ArrayRef<metal::Shader> shaders, DescribeShader describe) {
  llvm::Expected<json::Value> parsed = json::parse(description);
  if (!parsed)
    return parsed.takeError();
  json::Object bundle = std::move(*parsed->getAsObject());
  llvm::StringMap<int64_t> numbers;
  json::Array modules;
  for (const metal::Shader &shader : shaders) {
    llvm::Expected<json::Object> module = describe(shader);
    if (!module)
      return module.takeError();
    numbers[shader.entry] = static_cast<int64_t>(modules.size());
    modules.push_back(std::move(*module));
  }
  // The variants of a kernel have come to modules of their own.
  for (auto &[name, kernel] : *bundle.getObject("kernels"))
    for (json::Value &variant : *kernel.getAsObject()->getArray("variants")) {
      json::Object &fields = *variant.getAsObject();
      auto number = numbers.find(*fields.getString("entry"));
      if (number == numbers.end())
        return llvm::createStringError("kernel '" + StringRef(name) + "' has no shader");
      fields["module"] = number->second;
    }
  bundle["modules"] = std::move(modules);
  return bundle;
}

static std::string encode(const metal::Shader &shader) {
  auto *bytes = reinterpret_cast<const char *>(shader.words.data());
  return llvm::encodeBase64(StringRef(bytes, shader.words.size() * sizeof(uint32_t)));
}

namespace {

/// Shaders, made into a bundle when it is asked for: only then MSL is needed.
class ShaderCode : public KernelCode {
public:
  ShaderCode(StringRef description, std::vector<metal::Shader> shaders, DescribeShader describe)
      : description(description), shaders(std::move(shaders)), describe(describe) {}
  llvm::Expected<std::string> serialize() const override {
    auto bundle = buildBundle(description, shaders, describe);
    if (!bundle)
      return bundle.takeError();
    std::string text;
    llvm::raw_string_ostream(text) << json::Value(std::move(*bundle));
    return text;
  }

private:
  std::string description;
  std::vector<metal::Shader> shaders;
  DescribeShader describe;
};

/// What both targets share.
class SPIRVTarget : public Target {
public:
  llvm::Error checkArchitecture(StringRef) const override {
    return llvm::createStringError(getName() + " takes no architecture: its code is portable");
  }
  ArrayRef<Phase> getPhases() const override { return kPhases; }
  std::string describeKernels(ModuleOp module, const CompileOptions &) const override {
    json::Object bundle = torsh::gpu::describeKernels(module);
    bundle["target"] = getName();
    bundle["architecture"] = "";
    bundle["index_bits"] = 32;
    std::string text;
    llvm::raw_string_ostream(text) << json::Value(std::move(bundle));
    return text;
  }
  llvm::Expected<std::unique_ptr<KernelCode>> generate(ModuleOp module, StringRef description,
                                                       const CompileOptions &) const override {
    auto shaders = metal::serializeShaders(module);
    if (!shaders)
      return shaders.takeError();
    return std::make_unique<ShaderCode>(description, std::move(*shaders), getDescription());
  }
  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<mlir::gpu::GPUDialect, spirv::SPIRVDialect>();
  }

protected:
  virtual DescribeShader getDescription() const = 0;
};

class VulkanTarget : public SPIRVTarget {
public:
  StringRef getName() const override { return "vulkan"; }
  StringRef getSentence() const override { return "GPUs with a Vulkan 1.1 driver"; }
  void buildPhase(size_t number, OpPassManager &pm, const CompileOptions &) const override {
    number == 0 ? torsh::gpu::buildDevicePhase(pm, {}) : buildSPIRV(pm, {});
  }
  ArrayRef<Artifact> getArtifacts() const override { return {}; }
  llvm::Expected<std::string> printArtifact(ModuleOp, StringRef name,
                                            const CompileOptions &) const override {
    return llvm::createStringError("vulkan has no artifact '" + name + "'");
  }

protected:
  DescribeShader getDescription() const override {
    return [](const metal::Shader &shader) -> llvm::Expected<json::Object> {
      return json::Object{{"spirv", encode(shader)}};
    };
  }
};

class MetalTarget : public SPIRVTarget {
public:
  StringRef getName() const override { return "metal"; }
  StringRef getSentence() const override { return "Apple's GPUs, through SPIR-V and MSL"; }
  void buildPhase(size_t number, OpPassManager &pm, const CompileOptions &) const override {
    SPIRVOptions options;
    options.forMetal = true;
    number == 0 ? torsh::gpu::buildDevicePhase(pm, {}) : buildSPIRV(pm, options);
  }
  ArrayRef<Artifact> getArtifacts() const override {
    static constexpr Artifact kArtifacts[] = {
        {"msl", "Metal's language, one text for each kernel and variant"}};
    return kArtifacts;
  }
  llvm::Expected<std::string> printArtifact(ModuleOp module, StringRef,
                                            const CompileOptions &) const override {
    auto shaders = metal::serializeShaders(module);
    if (!shaders)
      return shaders.takeError();
    std::string all;
    for (const metal::Shader &shader : *shaders) {
      llvm::Expected<std::string> text = metal::translateToMSL(shader);
      if (!text)
        return text.takeError();
      all += "// " + shader.entry + "\n" + *text + "\n";
    }
    return all;
  }

protected:
  DescribeShader getDescription() const override {
    return [](const metal::Shader &shader) -> llvm::Expected<json::Object> {
      llvm::Expected<std::string> text = metal::translateToMSL(shader);
      if (!text)
        return text.takeError();
      return json::Object{{"spirv", encode(shader)}, {"msl", std::move(*text)}};
    };
  }
};

} // namespace

std::unique_ptr<Target> metal::createTarget() { return std::make_unique<MetalTarget>(); }
std::unique_ptr<Target> metal::createVulkanTarget() { return std::make_unique<VulkanTarget>(); }
