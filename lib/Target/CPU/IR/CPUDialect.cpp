// SPDX-License-Identifier: Apache-2.0
// The torsh_cpu dialect.

#include "torshjit/Target/CPU/IR/CPUDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::torsh::cpu;

#include "torshjit/Target/CPU/IR/CPUDialect.cpp.inc"

void TorshCPUDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "torshjit/Target/CPU/IR/CPUOps.cpp.inc"
      >();
}

LogicalResult ParallelForOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto task = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getTaskAttr());
  if (!task)
    return emitOpError("calls @") << getTask() << ", which is no function";
  if (task.getNumArguments() != getCaptures().size() + 3)
    return emitOpError("@") << getTask() << " must take the captures, begin, end and worker";
  return success();
}

#define GET_OP_CLASSES
#include "torshjit/Target/CPU/IR/CPUOps.cpp.inc"
