// SPDX-License-Identifier: Apache-2.0
// MLIR diagnostics as one Python exception.

#include "Diagnostics.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

static nb::handle errorClass;

static FileLineColLoc findFileLoc(Location loc) {
  FileLineColLoc found;
  loc->walk([&](Location inner) {
    if (auto file = dyn_cast<FileLineColLoc>(inner)) {
      found = file;
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return found;
}

std::optional<std::pair<std::string, unsigned>> torshjit::python::fileAndLine(Location loc) {
  if (FileLineColLoc file = findFileLoc(loc))
    return std::pair(file.getFilename().str(), file.getLine());
  return std::nullopt;
}

static const char *severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  return "error";
}

DiagnosticCollector::DiagnosticCollector(MLIRContext *context)
    : handler(context, [this](Diagnostic &diagnostic) {
        Entry entry;
        entry.severity = severityName(diagnostic.getSeverity());
        entry.message = diagnostic.str();
        if (FileLineColLoc file = findFileLoc(diagnostic.getLocation())) {
          entry.file = file.getFilename().str();
          entry.line = file.getLine();
          entry.column = file.getColumn();
        }
        sawError |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
        entries.push_back(std::move(entry));
        return success();
      }) {}

void DiagnosticCollector::raise(const std::string &fallback) const {
  std::string message;
  nb::list list;
  for (const Entry &entry : entries) {
    // The first error is the cause; "failed to infer" and the like follow from it.
    if (message.empty() && entry.severity == "error")
      message = entry.message;
    nb::object file = entry.file ? nb::cast(*entry.file) : nb::none();
    list.append(nb::make_tuple(entry.severity, entry.message, file, entry.line, entry.column));
  }
  nb::object error = errorClass(message.empty() ? fallback : message);
  error.attr("diagnostics") = list;
  PyErr_SetObject(errorClass.ptr(), error.ptr());
  throw nb::python_error();
}

void DiagnosticCollector::bind(nb::module_ &m) {
  nb::object cls = nb::steal(PyErr_NewExceptionWithDoc(
      "torshjit._compiler.MLIRError",
      "An error reported by MLIR; `diagnostics` lists (severity, message, file, line, column).",
      PyExc_Exception, nullptr));
  cls.attr("diagnostics") = nb::tuple();
  m.attr("MLIRError") = cls;
  errorClass = cls;
}
