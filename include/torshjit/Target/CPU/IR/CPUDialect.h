// SPDX-License-Identifier: Apache-2.0
// The torsh_cpu dialect.

#ifndef TORSHJIT_TARGET_CPU_IR_CPUDIALECT_H
#define TORSHJIT_TARGET_CPU_IR_CPUDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "torshjit/Target/CPU/IR/CPUDialect.h.inc"

#define GET_OP_CLASSES
#include "torshjit/Target/CPU/IR/CPUOps.h.inc"

#endif // TORSHJIT_TARGET_CPU_IR_CPUDIALECT_H
