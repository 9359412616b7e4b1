// SPDX-License-Identifier: Apache-2.0
// The torsh dialect: its attributes, interfaces and operations.

#ifndef TORSHJIT_DIALECT_TORSH_IR_TORSHDIALECT_H
#define TORSHJIT_DIALECT_TORSH_IR_TORSHDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "torshjit/Dialect/Torsh/IR/ShapeInference.h"
#include "torshjit/Dialect/Torsh/IR/TorshTraits.h"

#include "torshjit/Dialect/Torsh/IR/TorshDialect.h.inc"
#include "torshjit/Dialect/Torsh/IR/TorshEnums.h.inc"
#include "torshjit/Dialect/Torsh/IR/TorshInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshAttrs.h.inc"

#define GET_OP_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshOps.h.inc"

#endif // TORSHJIT_DIALECT_TORSH_IR_TORSHDIALECT_H
