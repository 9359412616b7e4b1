// SPDX-License-Identifier: Apache-2.0
// Element types of the program format.
#ifndef TORSHJIT_RUNTIME_DATATYPE_H
#define TORSHJIT_RUNTIME_DATATYPE_H

#include <cstddef>
#include <optional>
#include <string_view>

namespace torsh::runtime {

/// i1 takes one byte, 0 or 1. Kernels read the bits of unsigned integers as those of
/// signed ones; programs tell them apart, so that callers get what they expect.
enum class DataType { I1, I8, I16, I32, I64, UI8, UI16, UI32, UI64, F16, BF16, F32, F64 };
inline constexpr size_t kNumDataTypes = 13;

size_t byteSize(DataType dtype);
std::string_view name(DataType dtype);
std::optional<DataType> parseDataType(std::string_view text);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_DATATYPE_H
