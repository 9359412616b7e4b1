// SPDX-License-Identifier: Apache-2.0
// Walks a function of MLIR's own dialects and builds one of torsh operations.

#include "Importer.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::torsh;

/// Calls that go deeper than this do not end.
static constexpr int64_t kDeepestCall = 64;

SmallVector<Value> Importer::get(ValueRange range) const {
  SmallVector<Value> result;
  for (Value value : range)
    result.push_back(get(value));
  return result;
}

LogicalResult Importer::set(Value value, Value imported) {
  if (!imported)
    return failure();
  values[value] = imported;
  return success();
}

LogicalResult Importer::refuse(Operation *op, const Twine &reason) {
  return op->emitError("'") << op->getName() << "' cannot be imported: " << reason;
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

std::optional<int64_t> Importer::constantOf(Value value) const {
  Value imported = get(value);
  if (!imported)
    return std::nullopt;
  if (!t.isTensor(imported))
    return getConstantIntValue(imported);
  auto number = dyn_cast_if_present<IntegerAttr>(t.splatOf(imported));
  if (!number)
    return std::nullopt;
  return number.getValue().getSExtValue();
}

FailureOr<OpFoldResult> Importer::extentOf(Operation *op, OpFoldResult value) {
  if (auto attribute = dyn_cast<Attribute>(value))
    return OpFoldResult(attribute);
  auto index = cast<Value>(value);
  if (std::optional<int64_t> number = constantOf(index))
    return t.index(*number);
  Value imported = get(index);
  if (!imported || t.isTensor(imported))
    return refuse(op, "a size that depends on the elements of a tensor"), failure();
  return OpFoldResult(imported);
}

Value Importer::tensorOf(Value value) {
  if (!value || t.isTensor(value))
    return value;
  Type element = IntegerType::get(value.getContext(), 64);
  if (isa<IntegerType>(value.getType()))
    element = value.getType();
  if (std::optional<int64_t> number = getConstantIntValue(value))
    return t.constant(DenseElementsAttr::get(RankedTensorType::get({}, element),
                                             t.builder().getIntegerAttr(element, *number)));
  Operation *op = value.getDefiningOp();
  if (isa_and_present<tensor::DimOp>(op))
    return t.fromSize(value, element);
  ElementRule rule = op ? rules.find(op) : nullptr;
  if (!rule)
    return refuse(op,
                  "an index that elements depend on must be made of extents, sums and products"),
           Value();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(tensorOf(operand));
  if (llvm::is_contained(operands, Value()))
    return {};
  return rule(t, op, operands);
}

LogicalResult Importer::importIndexArithmetic(Operation *op) {
  IRMapping mapping;
  for (Value operand : op->getOperands())
    mapping.map(operand, get(operand));
  Operation *copy = t.builder().clone(*op, mapping);
  copy->setDiscardableAttrs(ArrayRef<NamedAttribute>());
  SmallVector<OpFoldResult> folded;
  if (failed(copy->fold(folded)) || folded.size() != 1)
    return set(op->getResult(0), copy->getResult(0));
  Value result = dyn_cast<Value>(folded.front());
  if (!result) {
    auto attribute = dyn_cast<TypedAttr>(cast<Attribute>(folded.front()));
    if (!attribute || attribute.getType() != op->getResult(0).getType())
      return set(op->getResult(0), copy->getResult(0));
    result = arith::ConstantOp::create(t.builder(), t.getLoc(), attribute);
  }
  copy->erase();
  return set(op->getResult(0), result);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult Importer::importElement(Operation *op, ElementRule rule) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(tensorOf(get(operand)));
    if (!operands.back())
      return failure();
  }
  for (Value operand : operands)
    if (!t.isElement(t.elementOf(operand)))
      return refuse(op, "the dialect has no tensors of that element type");
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  if (!element.isIndex() && !t.isElement(element))
    return refuse(op, "the dialect has no tensors of that element type");
  Value result = rule(t, op, operands);
  if (!result)
    return refuse(op, "this form of it is not covered");
  return set(op->getResult(0), result);
}

LogicalResult Importer::importConstant(Operation *op) {
  Attribute value = cast<arith::ConstantOp>(op).getValue();
  Type type = op->getResult(0).getType();
  if (type.isIndex())
    return set(op->getResult(0), t.builder().clone(*op)->getResult(0));
  Type element = getElementTypeOrSelf(type);
  auto elements = dyn_cast<ElementsAttr>(value);
  if (element.isIndex() && isa<DenseIntElementsAttr>(value)) {
    Type wide = IntegerType::get(op->getContext(), 64);
    return set(op->getResult(0),
               t.constant(cast<DenseIntElementsAttr>(value).mapValues(
                   wide, [](const APInt &number) { return number.sextOrTrunc(64); })));
  }
  if (!t.isElement(element))
    return refuse(op, "the dialect has no tensors of that element type");
  if (!isa<RankedTensorType>(type)) {
    if (!isa<IntegerType, FloatType>(type))
      return refuse(op, "not a number or a tensor");
    elements = DenseElementsAttr::get(RankedTensorType::get({}, type), value);
  }
  if (!elements)
    return refuse(op, "not a number or a tensor");
  return set(op->getResult(0), t.constant(elements));
}

LogicalResult Importer::importTorsh(Operation *op) {
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    Value imported = get(operand);
    if (!imported)
      return refuse(op, "an operand of it was not imported");
    if (operand.getType().isIndex() && t.isTensor(imported))
      return refuse(op, "a size that depends on the elements of a tensor");
    mapping.map(operand, imported);
  }
  // Operands may know more extents than before; the result is what it was.
  Operation *copy = t.builder().clone(*op, mapping);
  for (auto [result, imported] : llvm::zip_equal(op->getResults(), copy->getResults()))
    if (failed(set(result, imported)))
      return failure();
  return success();
}

LogicalResult Importer::importCall(Operation *op) {
  auto call = cast<func::CallOp>(op);
  auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  if (!callee || callee.isDeclaration())
    return refuse(op, "@" + call.getCallee() + " has no body");
  if (!callee.getBody().hasOneBlock())
    return refuse(op, "@" + call.getCallee() + " has control flow between blocks");
  if (depth >= kDeepestCall)
    return refuse(op, "functions call each other without end");
  Block &body = callee.getBody().front();
  for (auto [argument, operand] : llvm::zip_equal(body.getArguments(), call.getOperands()))
    values[argument] = get(operand);
  ++depth;
  if (failed(importBlock(body)))
    return failure();
  --depth;
  for (auto [result, returned] :
       llvm::zip_equal(call.getResults(), body.getTerminator()->getOperands()))
    if (failed(set(result, get(returned))))
      return failure();
  return success();
}

LogicalResult Importer::importOp(Operation *op) {
  t.setLoc(op->getLoc());
  if (++count > kMostOperations)
    return refuse(op, "the program has more than " + Twine(kMostOperations) +
                          " operations, its loops unrolled and its calls inlined");
  for (Value operand : op->getOperands())
    if (!get(operand))
      return refuse(op, "an operand of it was not imported");
  if (isa<arith::ConstantOp>(op))
    return importConstant(op);
  if (isa<func::CallOp>(op))
    return importCall(op);
  if (isa_and_present<TorshDialect>(op->getDialect()))
    return importTorsh(op);
  if (op->getNumResults() == 1 && op->getNumRegions() == 0) {
    bool isScalar = op->getResult(0).getType().isIntOrIndex();
    bool onHost = isScalar && op->getNumOperands() &&
                  llvm::none_of(op->getOperands(), [&](Value v) { return t.isTensor(get(v)); });
    if (onHost && isMemoryEffectFree(op) &&
        isa_and_present<arith::ArithDialect, affine::AffineDialect>(op->getDialect()))
      return importIndexArithmetic(op);
    if (ElementRule rule = rules.find(op))
      return importElement(op, rule);
  }
  for (auto import : {importTensorOp, importInsertion, importStructuredOp, importControlFlow})
    if (std::optional<LogicalResult> done = import(*this, op))
      return *done;
  return refuse(op, "there is no torsh operation for it; the import covers func, arith, math, "
                    "tensor, linalg and scf on tensors");
}

LogicalResult Importer::importBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(importOp(&op)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

FailureOr<func::FuncOp> Importer::importFunction(func::FuncOp function) {
  if (!function.getBody().hasOneBlock()) {
    function.emitError("@") << function.getSymName()
                            << " has control flow between blocks, which cannot be imported";
    return failure();
  }
  Block &body = function.getBody().front();
  OpBuilder &b = t.builder();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(function);
  auto result = func::FuncOp::create(b, function.getLoc(), (function.getSymName() + "$torsh").str(),
                                     b.getFunctionType({}, {}));
  Block *entry = b.createBlock(&result.getBody());
  for (BlockArgument argument : body.getArguments()) {
    Type type = argument.getType();
    if (type.isIndex())
      type = b.getI64Type();
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor && type.isIntOrFloat())
      tensor = RankedTensorType::get({}, type);
    if (!tensor || !t.isElement(tensor.getElementType()) || tensor.getEncoding()) {
      function.emitError("argument ")
          << argument.getArgNumber() << " of @" << function.getSymName() << " of type "
          << argument.getType()
          << " cannot be imported: it must be a tensor or a number of an element type that the "
             "dialect has";
      return failure();
    }
    values[argument] = entry->addArgument(tensor, argument.getLoc());
  }
  if (failed(importBlock(body)))
    return failure();
  t.setLoc(body.getTerminator()->getLoc());
  SmallVector<Value> returned;
  for (Value value : body.getTerminator()->getOperands()) {
    Value tensor = tensorOf(get(value));
    if (!tensor)
      return failure();
    returned.push_back(tensor);
  }
  func::ReturnOp::create(b, body.getTerminator()->getLoc(), returned);
  result.setType(b.getFunctionType(entry->getArgumentTypes(), ValueRange(returned).getTypes()));
  for (BlockArgument argument : body.getArguments())
    if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "torsh.name"))
      result.setArgAttr(argument.getArgNumber(), "torsh.name", name);
  if (StringAttr visibility = function.getSymVisibilityAttr())
    result.setSymVisibilityAttr(visibility);
  return result;
}
