// SPDX-License-Identifier: Apache-2.0
// MLIR diagnostics as one Python exception.

#ifndef TORSHJIT_PYTHON_BINDINGS_COMPILER_DIAGNOSTICS_H
#define TORSHJIT_PYTHON_BINDINGS_COMPILER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include <nanobind/nanobind.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace torshjit::python {

/// The file and line inside a location, if it has them.
std::optional<std::pair<std::string, unsigned>> fileAndLine(mlir::Location loc);

/// Collects what MLIR reports while it lives; `raise` turns it into MLIRError.
class DiagnosticCollector {
public:
  explicit DiagnosticCollector(mlir::MLIRContext *context);

  /// Whether an error was reported. An error fails a compilation even if the
  /// pass that reported it forgot to signal failure.
  bool hasError() const { return sawError; }

  /// Throws MLIRError with the collected errors, or `fallback` where there are none.
  [[noreturn]] void raise(const std::string &fallback) const;

  /// Makes the exception class known to this module.
  static void bind(nanobind::module_ &m);

private:
  struct Entry {
    std::string severity, message;
    std::optional<std::string> file;
    unsigned line = 0, column = 0;
  };
  std::vector<Entry> entries;
  bool sawError = false;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace torshjit::python

#endif // TORSHJIT_PYTHON_BINDINGS_COMPILER_DIAGNOSTICS_H
