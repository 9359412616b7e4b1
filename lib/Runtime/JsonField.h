// SPDX-License-Identifier: Apache-2.0
// JSON values whose errors say where in the document they stand.
#ifndef TORSHJIT_LIB_RUNTIME_JSONFIELD_H
#define TORSHJIT_LIB_RUNTIME_JSONFIELD_H

#include "torshjit/Runtime/DataType.h"
#include "torshjit/Runtime/Error.h"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>
#include <string_view>

namespace torsh::runtime {

/// Every accessor throws Error(Program) "malformed <document>: <path>: ..."
/// when the value is not what is asked for. The document outlives its fields.
class JsonField {
public:
  using Json = nlohmann::json;

  JsonField(const Json &value, const char *document, std::string path)
      : value(value), document(document), path(std::move(path)) {}

  /// Throws Error(Program) when the text is not JSON.
  static Json parse(std::string_view text, const char *document) {
    try {
      return Json::parse(text.begin(), text.end());
    } catch (const Json::parse_error &e) {
      // The library's text quotes the input and may cut a character in two.
      throw Error(ErrorKind::Program, "malformed " + std::string(document) + ": not JSON at byte " +
                                          std::to_string(e.byte));
    }
  }

  [[noreturn]] void fail(const std::string &what) const {
    throw Error(ErrorKind::Program,
                "malformed " + std::string(document) + ": " + path + ": " + what);
  }

  JsonField operator[](const std::string &key) const {
    requireObject();
    auto found = value.find(key);
    if (found == value.end())
      fail("missing \"" + key + "\"");
    return JsonField(*found, document, path + "." + key);
  }
  JsonField operator[](size_t i) const {
    return JsonField(value[i], document, path + "[" + std::to_string(i) + "]");
  }
  bool has(const char *key) const { return value.is_object() && value.contains(key); }
  size_t size() const {
    if (!value.is_array())
      fail("expected an array");
    return value.size();
  }
  /// Calls `visit(key, field)` for each member of an object.
  template <typename Visit> void forEachMember(const Visit &visit) const {
    requireObject();
    for (auto it = value.begin(); it != value.end(); ++it)
      visit(it.key(), JsonField(it.value(), document, path + "." + it.key()));
  }

  int64_t integer() const {
    if (!value.is_number_integer())
      fail("expected an integer");
    if (value.is_number_unsigned() &&
        value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      fail("integer out of range");
    return value.get<int64_t>();
  }
  int64_t integerBetween(int64_t low, int64_t high) const {
    int64_t i = integer();
    if (i < low || i > high)
      fail(std::to_string(i) + " is not between " + std::to_string(low) + " and " +
           std::to_string(high));
    return i;
  }
  /// An index below `limit`.
  size_t index(size_t limit) const {
    int64_t i = integer();
    if (i < 0 || static_cast<uint64_t>(i) >= limit)
      fail("index " + std::to_string(i) + " is not below " + std::to_string(limit));
    return static_cast<size_t>(i);
  }
  bool boolean() const {
    if (!value.is_boolean())
      fail("expected true or false");
    return value.get<bool>();
  }
  std::string text() const {
    if (!value.is_string())
      fail("expected a string");
    return value.get<std::string>();
  }
  DataType dtype() const {
    std::optional<DataType> parsed = parseDataType(text());
    if (!parsed)
      fail("unknown dtype \"" + text() + "\"");
    return *parsed;
  }

private:
  void requireObject() const {
    if (!value.is_object())
      fail("expected an object");
  }

  const Json &value;
  const char *document;
  std::string path;
};

} // namespace torsh::runtime

#endif // TORSHJIT_LIB_RUNTIME_JSONFIELD_H
