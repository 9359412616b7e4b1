// SPDX-License-Identifier: Apache-2.0
// Binary code inside of the JSON of kernel bundles.
#ifndef TORSHJIT_RUNTIME_BASE64_H
#define TORSHJIT_RUNTIME_BASE64_H

#include <string>
#include <string_view>

namespace torsh::runtime {

/// The bytes of RFC 4648's base64, padded. Throws Error(Program) when it is none.
std::string decodeBase64(std::string_view text);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_BASE64_H
