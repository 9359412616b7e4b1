// SPDX-License-Identifier: Apache-2.0
// Attention, and what it becomes in kernels that take it whole.

#ifndef TORSHJIT_DIALECT_TORSH_IR_TORSHATTENTION_H
#define TORSHJIT_DIALECT_TORSH_IR_TORSHATTENTION_H

#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

#include "torshjit/Dialect/Torsh/IR/TorshWholeInterface.h.inc"

#define GET_OP_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshAttentionOps.h.inc"

#endif // TORSHJIT_DIALECT_TORSH_IR_TORSHATTENTION_H
