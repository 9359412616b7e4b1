// SPDX-License-Identifier: Apache-2.0
// Decodes base64.
#include "Base64.h"

#include "torshjit/Runtime/Error.h"

#include <array>
#include <cstdint>

namespace torsh::runtime {
namespace {
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::array<int8_t, 256> makeDigits() {
  std::array<int8_t, 256> digits;
  digits.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return digits;
}
} // namespace

std::string decodeBase64(std::string_view text) {
  static const std::array<int8_t, 256> digits = makeDigits();
  auto fail = []() { return Error(ErrorKind::Program, "malformed base64 in a kernel bundle"); };
  if (text.size() % 4)
    throw fail();
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
    ++padding;
  text.remove_suffix(padding);
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    int8_t digit = digits[static_cast<uint8_t>(c)];
    if (digit < 0)
      throw fail();
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8)
      continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

} // namespace torsh::runtime
