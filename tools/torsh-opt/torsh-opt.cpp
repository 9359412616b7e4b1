// SPDX-License-Identifier: Apache-2.0
// The driver of the passes, for tests and for looking at what happens.

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "torshjit/Compiler/Registration.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::torsh::registerDialects(registry);
  mlir::torsh::registerPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "torshjit pass driver\n", registry));
}
