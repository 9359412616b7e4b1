// SPDX-License-Identifier: Apache-2.0
// What the capture front ends build programs with.

#ifndef TORSHJIT_PYTHON_BINDINGS_COMPILER_GRAPHBUILDER_H
#define TORSHJIT_PYTHON_BINDINGS_COMPILER_GRAPHBUILDER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <memory>
#include <nanobind/nanobind.h>

namespace torshjit::python {

/// An MLIR context with everything registered. Objects made from it keep it alive.
class Context {
public:
  Context();
  mlir::MLIRContext *get() { return &context; }

private:
  mlir::MLIRContext context;
};

/// A module and the context it lives in.
struct Module {
  std::shared_ptr<Context> context;
  mlir::OwningOpRef<mlir::ModuleOp> op;
};

void bindCompile(nanobind::module_ &m);
void bindGraphBuilder(nanobind::module_ &m);
void bindGraphRecords(nanobind::module_ &m, nanobind::class_<Module> &module);
void bindRewrites(nanobind::module_ &m, nanobind::class_<Module> &module);

} // namespace torshjit::python

#endif // TORSHJIT_PYTHON_BINDINGS_COMPILER_GRAPHBUILDER_H
