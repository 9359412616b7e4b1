// SPDX-License-Identifier: Apache-2.0
// The language server for editors: completion, definitions and errors in .mlir files.

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "torshjit/Compiler/Registration.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::torsh::registerDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
