// SPDX-License-Identifier: Apache-2.0
// Reads the head of a SPIR-V module.
#include "ShaderCode.h"

#include "../Base64.h"
#include "torshjit/Runtime/Error.h"

#include <cstring>

namespace torsh::runtime::vulkan {
namespace {
constexpr uint32_t kMagic = 0x07230203;
constexpr size_t kHeaderWords = 5;
constexpr uint32_t kOpCapability = 17;

[[noreturn]] void fail(const char *what) {
  throw Error(ErrorKind::Program, "malformed kernel bundle: spirv: " + std::string(what));
}

struct Capability {
  uint32_t number;
  const char *name;
  bool (*isSupported)(const Context &context);
};

template <VkSubgroupFeatureFlags flags> bool hasSubgroup(const Context &context) {
  return (context.subgroups.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
         (context.subgroups.supportedOperations & flags) == flags;
}

// Of the capabilities that kernels declare those that a device may lack.
constexpr Capability kCapabilities[] = {
    {9, "Float16", [](const Context &c) { return c.features.float16Int8.shaderFloat16 != 0; }},
    {10, "Float64", [](const Context &c) { return c.features.core.features.shaderFloat64 != 0; }},
    {11, "Int64", [](const Context &c) { return c.features.core.features.shaderInt64 != 0; }},
    {22, "Int16", [](const Context &c) { return c.features.core.features.shaderInt16 != 0; }},
    {39, "Int8", [](const Context &c) { return c.features.float16Int8.shaderInt8 != 0; }},
    {61, "GroupNonUniform", hasSubgroup<VK_SUBGROUP_FEATURE_BASIC_BIT>},
    {62, "GroupNonUniformVote", hasSubgroup<VK_SUBGROUP_FEATURE_VOTE_BIT>},
    {63, "GroupNonUniformArithmetic", hasSubgroup<VK_SUBGROUP_FEATURE_ARITHMETIC_BIT>},
    {64, "GroupNonUniformBallot", hasSubgroup<VK_SUBGROUP_FEATURE_BALLOT_BIT>},
    {65, "GroupNonUniformShuffle", hasSubgroup<VK_SUBGROUP_FEATURE_SHUFFLE_BIT>},
    {66, "GroupNonUniformShuffleRelative", hasSubgroup<VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT>},
    {4433, "StorageBuffer16BitAccess",
     [](const Context &c) { return c.features.storage16.storageBuffer16BitAccess != 0; }},
    {4434, "UniformAndStorageBuffer16BitAccess",
     [](const Context &c) { return c.features.storage16.uniformAndStorageBuffer16BitAccess != 0; }},
    {4448, "StorageBuffer8BitAccess",
     [](const Context &c) { return c.features.storage8.storageBuffer8BitAccess != 0; }},
    {4449, "UniformAndStorageBuffer8BitAccess",
     [](const Context &c) { return c.features.storage8.uniformAndStorageBuffer8BitAccess != 0; }},
};

void checkCapability(uint32_t number, const Context &context) {
  for (const Capability &capability : kCapabilities)
    if (capability.number == number && !capability.isSupported(context))
      throw Error(ErrorKind::Device, "vulkan: " + std::string(context.properties.deviceName) +
                                         " lacks " + capability.name +
                                         ", which a kernel of the program needs");
}
} // namespace

std::vector<uint32_t> decodeShaderCode(const std::string &base64) {
  std::string bytes = decodeBase64(base64);
  if (bytes.size() % sizeof(uint32_t) != 0 || bytes.size() < kHeaderWords * sizeof(uint32_t))
    fail("not a number of words");
  std::vector<uint32_t> words(bytes.size() / sizeof(uint32_t));
  std::memcpy(words.data(), bytes.data(), bytes.size());
  if (words[0] != kMagic)
    fail("no SPIR-V module of this machine's byte order");
  // Drivers trust the lengths of the instructions.
  for (size_t i = kHeaderWords; i < words.size();) {
    size_t length = words[i] >> 16;
    if (length == 0 || length > words.size() - i)
      fail("an instruction exceeds the module");
    i += length;
  }
  return words;
}

void checkCapabilities(const std::vector<uint32_t> &code, const Context &context) {
  for (size_t i = kHeaderWords; i < code.size(); i += code[i] >> 16)
    if ((code[i] & 0xffff) == kOpCapability && (code[i] >> 16) >= 2)
      checkCapability(code[i + 1], context);
}

} // namespace torsh::runtime::vulkan
