// SPDX-License-Identifier: Apache-2.0
// Refuses text that MLIR's parser does not survive.

#include "SourceCheck.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include <optional>

using namespace mlir;

namespace {

/// Splits MLIR text into words (with the sigil before them), strings and single
/// characters; white space and comments are left out.
class Scanner {
public:
  explicit Scanner(StringRef text) : text(text) {}

  /// The next token; empty at the end.
  StringRef next() {
    skipBlank();
    size_t begin = position;
    if (position == text.size())
      return {};
    char first = text[position++];
    if (first == '"') {
      while (position < text.size() && text[position] != '"' && text[position] != '\n')
        position += text[position] == '\\' ? 2 : 1;
      position = std::min(position + 1, text.size());
    } else {
      bool hasSigil = llvm::is_contained({'%', '@', '#', '!', '^'}, first);
      if (hasSigil || isWord(first))
        while (position < text.size() &&
               (isWord(text[position]) || (hasSigil && text[position] == '-')))
          ++position;
    }
    return text.slice(begin, position);
  }

private:
  static bool isWord(char c) { return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.'; }

  void skipBlank() {
    while (position < text.size()) {
      if (llvm::isSpace(text[position])) {
        ++position;
      } else if (text.substr(position).starts_with("//")) {
        position = std::min(text.find('\n', position), text.size());
      } else {
        return;
      }
    }
  }

  StringRef text;
  size_t position = 0;
};

} // namespace

/// Reports an error at a token of the text.
static LogicalResult refuse(StringRef text, StringRef token, MLIRContext *context,
                            const Twine &message) {
  StringRef before = text.take_front(token.data() - text.data());
  unsigned line = before.count('\n') + 1;
  unsigned column = before.size() - before.rfind('\n'); // npos is -1
  return emitError(FileLineColLoc::get(context, "-", line, column), message);
}

/// Scans the list of integers that an operation's own syntax has after '='; returns the
/// token that does not belong there, or nothing.
static std::optional<StringRef> findListError(Scanner &scanner) {
  StringRef token = scanner.next();
  if (token != "[")
    return token;
  token = scanner.next();
  if (token == "]")
    return std::nullopt;
  while (true) {
    if (token == "-")
      token = scanner.next();
    int64_t number;
    if (token.getAsInteger(0, number))
      return token;
    token = scanner.next();
    if (token == "]")
      return std::nullopt;
    if (token != ",")
      return token;
    token = scanner.next();
  }
}

LogicalResult torshjit::python::checkSource(StringRef text, MLIRContext *context) {
  // The names of index: itself, and aliases, which stand before their uses.
  llvm::StringSet<> names;
  names.insert("index");
  Scanner scanner(text);
  StringRef beforeLast, last;
  bool hasAxes = false;
  for (StringRef token = scanner.next(); !token.empty(); token = scanner.next()) {
    if (names.contains(token)) {
      if (last == "=" && beforeLast.starts_with("!"))
        names.insert(beforeLast);
      if (last == "<" && beforeLast == "array")
        return refuse(text, token, context, "expected integer or float type, got: 'index'");
    }
    // The parsers of these go on without the list where it is malformed.
    if (token.starts_with("linalg."))
      hasAxes =
          token == "linalg.transpose" || token == "linalg.broadcast" || token == "linalg.reduce";
    if (hasAxes && token == "=" && (last == "permutation" || last == "dimensions")) {
      if (std::optional<StringRef> wrong = findListError(scanner))
        return refuse(text, wrong->empty() ? text.take_back(0) : *wrong, context,
                      "expected a list of integers");
      hasAxes = false;
    }
    // Properties of a named operation are taken for a dictionary unseen.
    if (last == "<" && beforeLast.starts_with("linalg.") && token != "{")
      return refuse(text, token, context, "expected '{'");
    beforeLast = last;
    last = token;
  }
  return success();
}
