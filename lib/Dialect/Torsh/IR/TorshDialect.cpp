// SPDX-License-Identifier: Apache-2.0
// Registration of the torsh dialect.

#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh;

#include "torshjit/Dialect/Torsh/IR/TorshDialect.cpp.inc"
#include "torshjit/Dialect/Torsh/IR/TorshEnums.cpp.inc"
#include "torshjit/Dialect/Torsh/IR/TorshInterfaces.cpp.inc"
#include "torshjit/Dialect/Torsh/IR/TorshWholeInterface.cpp.inc"

/// Prints and parses the lists of a schedule: `[1, 2]`.
static void printInt64List(AsmPrinter &printer, ArrayRef<int64_t> values) {
  printer << "[";
  llvm::interleaveComma(values, printer);
  printer << "]";
}
static ParseResult parseInt64List(AsmParser &parser, SmallVector<int64_t> &values) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square, [&]() { return parser.parseInteger(values.emplace_back()); });
}

#define GET_ATTRDEF_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshAttrs.cpp.inc"

void TorshDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "torshjit/Dialect/Torsh/IR/TorshAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "torshjit/Dialect/Torsh/IR/TorshOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "torshjit/Dialect/Torsh/IR/TorshAttentionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "torshjit/Dialect/Torsh/IR/TorshPanelOps.cpp.inc"
      >();
}

Operation *TorshDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                             Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}

#define GET_OP_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshOps.cpp.inc"

#define GET_OP_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshAttentionOps.cpp.inc"

#define GET_OP_CLASSES
#include "torshjit/Dialect/Torsh/IR/TorshPanelOps.cpp.inc"
