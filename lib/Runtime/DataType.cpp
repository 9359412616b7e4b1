// SPDX-License-Identifier: Apache-2.0
// Names and sizes of element types.
#include "torshjit/Runtime/DataType.h"

#include <array>

namespace torsh::runtime {
namespace {
struct Row {
  std::string_view name;
  size_t bytes;
};
/// In the order of DataType.
constexpr std::array<Row, kNumDataTypes> kTable = {{{"i1", 1},
                                                    {"i8", 1},
                                                    {"i16", 2},
                                                    {"i32", 4},
                                                    {"i64", 8},
                                                    {"ui8", 1},
                                                    {"ui16", 2},
                                                    {"ui32", 4},
                                                    {"ui64", 8},
                                                    {"f16", 2},
                                                    {"bf16", 2},
                                                    {"f32", 4},
                                                    {"f64", 8}}};
} // namespace

size_t byteSize(DataType dtype) { return kTable[static_cast<size_t>(dtype)].bytes; }

std::string_view name(DataType dtype) { return kTable[static_cast<size_t>(dtype)].name; }

std::optional<DataType> parseDataType(std::string_view text) {
  for (size_t i = 0; i < kTable.size(); ++i)
    if (kTable[i].name == text)
      return static_cast<DataType>(i);
  return std::nullopt;
}

} // namespace torsh::runtime
