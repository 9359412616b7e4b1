// SPDX-License-Identifier: Apache-2.0
// The rewrites of users, applied to a module before it is compiled.

#include "Attributes.h"
#include "Diagnostics.h"
#include "GraphBuilder.h"
#include "mlir/Parser/Parser.h"
#include "torshjit/Compiler/HostProgram.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/ApplyRewrite.h"
#include <exception>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

namespace {

/// The one function of a text, which `owner` keeps.
func::FuncOp parseFunction(const std::string &text, MLIRContext *context,
                           OwningOpRef<ModuleOp> &owner, DiagnosticCollector &diagnostics) {
  owner = parseSourceString<ModuleOp>(text, ParserConfig(context));
  if (!owner)
    diagnostics.raise("cannot parse a side of the rewrite");
  FailureOr<func::FuncOp> function = mlir::torsh::findHostFunction(*owner);
  if (failed(function))
    diagnostics.raise("a side of a rewrite is one function");
  return *function;
}

int64_t rewriteModule(Module &module, const std::string &pattern, const std::string &replacement,
                      nb::object where) {
  MLIRContext *context = module.context->get();
  DiagnosticCollector diagnostics(context);
  OwningOpRef<ModuleOp> patternOwner, replacementOwner;
  func::FuncOp from = parseFunction(pattern, context, patternOwner, diagnostics);
  func::FuncOp to = parseFunction(replacement, context, replacementOwner, diagnostics);
  // The compiler's own code has no way for an exception to pass.
  std::exception_ptr raised;
  std::function<bool(ValueRange)> accepts;
  if (!where.is_none())
    accepts = [&](ValueRange operands) {
      if (raised)
        return false;
      try {
        nb::list types;
        for (Value operand : operands)
          types.append(operand ? nb::cast(fromMLIR(operand.getType())) : nb::none());
        return nb::cast<bool>(where(*types));
      } catch (...) {
        raised = std::current_exception();
        return false;
      }
    };
  FailureOr<int64_t> count = mlir::torsh::applyRewrite(*module.op, from, to, accepts);
  if (raised)
    std::rethrow_exception(raised);
  if (failed(count) || diagnostics.hasError())
    diagnostics.raise("the rewrite failed");
  return *count;
}

void checkRewrite(std::shared_ptr<Context> context, const std::string &pattern,
                  const std::string &replacement) {
  DiagnosticCollector diagnostics(context->get());
  OwningOpRef<ModuleOp> patternOwner, replacementOwner;
  func::FuncOp from = parseFunction(pattern, context->get(), patternOwner, diagnostics);
  func::FuncOp to = parseFunction(replacement, context->get(), replacementOwner, diagnostics);
  if (failed(mlir::torsh::verifyRewrite(from, to)))
    diagnostics.raise("no rewrite");
}

} // namespace

void torshjit::python::bindRewrites(nb::module_ &m, nb::class_<Module> &module) {
  module.def("rewrite", &rewriteModule, nb::arg("pattern"), nb::arg("replacement"),
             nb::arg("where").none() = nb::none(),
             "Replaces every place that computes what the function of one text does by that of "
             "the other, where `where(*operand_types)` allows; returns how many places.");
  m.def("check_rewrite", &checkRewrite, nb::arg("context"), nb::arg("pattern"),
        nb::arg("replacement"), "Raises MLIRError unless the two texts are a rewrite.");
}
