// SPDX-License-Identifier: Apache-2.0
// Refuses text that MLIR's parser does not survive.

#include "SourceCheck.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

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

LogicalResult torshjit::python::checkSource(StringRef text, MLIRContext *context) {
  // The names of index: itself, and aliases, which stand before their uses.
  llvm::StringSet<> names;
  names.insert("index");
  Scanner scanner(text);
  StringRef beforeLast, last;
  for (StringRef token = scanner.next(); !token.empty(); token = scanner.next()) {
    if (names.contains(token)) {
      if (last == "=" && beforeLast.starts_with("!"))
        names.insert(beforeLast);
      if (last == "<" && beforeLast == "array") {
        StringRef before = text.take_front(token.data() - text.data());
        unsigned line = before.count('\n') + 1;
        unsigned column = before.size() - before.rfind('\n'); // npos is -1
        return emitError(FileLineColLoc::get(context, "-", line, column),
                         "expected integer or float type, got: 'index'");
      }
    }
    beforeLast = last;
    last = token;
  }
  return success();
}
