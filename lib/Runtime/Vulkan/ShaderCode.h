// SPDX-License-Identifier: Apache-2.0
// SPIR-V from a bundle, checked against what a device can run.
#ifndef TORSHJIT_LIB_RUNTIME_VULKAN_SHADERCODE_H
#define TORSHJIT_LIB_RUNTIME_VULKAN_SHADERCODE_H

#include "Context.h"

#include <cstdint>
#include <string>
#include <vector>

namespace torsh::runtime::vulkan {

/// The words of a SPIR-V module given in base64; throws Error(Program) when
/// the text is no such thing.
std::vector<uint32_t> decodeShaderCode(const std::string &base64);

/// Throws Error(Device) naming the first capability of the code that the
/// device lacks.
void checkCapabilities(const std::vector<uint32_t> &code, const Context &context);

} // namespace torsh::runtime::vulkan

#endif // TORSHJIT_LIB_RUNTIME_VULKAN_SHADERCODE_H
