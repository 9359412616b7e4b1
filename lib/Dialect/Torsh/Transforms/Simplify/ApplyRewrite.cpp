// SPDX-License-Identifier: Apache-2.0
// Finds what a user's pattern describes, and puts the replacement in its place.

#include "torshjit/Dialect/Torsh/Transforms/Simplify/ApplyRewrite.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::torsh;

//===----------------------------------------------------------------------===//
// What can be a rewrite
//===----------------------------------------------------------------------===//

static func::ReturnOp getReturn(func::FuncOp function) {
  return cast<func::ReturnOp>(function.getBody().front().getTerminator());
}

/// For each axis of a reshape's result the axis of its input that it is, or -1 for a new
/// one of extent 1; nothing where it does more than to add and drop axes of extent 1.
static std::optional<SmallVector<int64_t>> getKeptAxes(ReshapeOp op) {
  auto from = cast<RankedTensorType>(op.getInput().getType());
  auto to = cast<RankedTensorType>(op.getResult().getType());
  if (!from.hasStaticShape() || !to.hasStaticShape())
    return std::nullopt;
  SmallVector<int64_t> kept;
  int64_t next = 0;
  auto skipUnits = [&] {
    while (next < from.getRank() && from.getDimSize(next) == 1)
      ++next;
  };
  for (int64_t extent : to.getShape()) {
    if (extent == 1) {
      kept.push_back(-1);
      continue;
    }
    skipUnits();
    if (next == from.getRank() || from.getDimSize(next) != extent)
      return std::nullopt;
    kept.push_back(next++);
  }
  skipUnits();
  return next == from.getRank() ? std::optional(kept) : std::nullopt;
}

/// `input` with the axes that `example` keeps, or nothing where an axis it drops is none
/// of extent 1.
static std::optional<RankedTensorType> getReshapedType(ReshapeOp example, RankedTensorType input) {
  SmallVector<int64_t> kept = *getKeptAxes(example), shape;
  for (int64_t axis : kept)
    shape.push_back(axis < 0 ? 1 : input.getDimSize(axis));
  for (int64_t axis = 0; axis < input.getRank(); ++axis)
    if (!llvm::is_contained(kept, axis) && input.getDimSize(axis) != 1)
      return std::nullopt;
  return RankedTensorType::get(shape, input.getElementType());
}

/// `role` is what messages call the function.
static LogicalResult verifySide(func::FuncOp function, StringRef role) {
  if (!function.getBody().hasOneBlock())
    return function.emitError("a ") << role << " has no control flow";
  if (function.getNumResults() != 1)
    return function.emitError("a ")
           << role << " has one result, and this one has " << function.getNumResults();
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (op.getNumRegions())
      return op.emitError("'") << op.getName() << "' has a body, so it cannot be in a " << role;
    if (!isa_and_present<TorshDialect>(op.getDialect()) || !isMemoryEffectFree(&op))
      return op.emitError("'") << op.getName() << "' does more than compute, so it cannot be in a "
                               << role;
    if (auto reshape = dyn_cast<ReshapeOp>(op); reshape && getKeptAxes(reshape))
      continue;
    if (!isa<InferTypeOpInterface>(op))
      return op.emitError("'") << op.getName()
                               << "' says the extents of its result, which differ from place to "
                                  "place, so it cannot be in a "
                               << role;
  }
  return success();
}

LogicalResult mlir::torsh::verifyRewrite(func::FuncOp pattern, func::FuncOp replacement) {
  if (failed(verifySide(pattern, "pattern")) || failed(verifySide(replacement, "replacement")))
    return failure();
  Operation *root = getReturn(pattern).getOperand(0).getDefiningOp();
  if (!root || root->hasTrait<OpTrait::ConstantLike>())
    return pattern.emitError("a pattern computes its result from its arguments");
  if (pattern.getNumArguments() != replacement.getNumArguments())
    return replacement.emitError("the replacement has ")
           << replacement.getNumArguments() << " arguments, and the pattern "
           << pattern.getNumArguments();
  for (BlockArgument argument : pattern.getArguments())
    if (argument.use_empty() && !replacement.getArgument(argument.getArgNumber()).use_empty())
      return pattern.emitError("the pattern does not use argument #")
             << argument.getArgNumber() << ", so nothing says what the replacement's stands for";
  return success();
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

static bool isAlike(Type pattern, Type type) {
  auto expected = dyn_cast<RankedTensorType>(pattern), actual = dyn_cast<RankedTensorType>(type);
  return expected && actual && expected.getElementType() == actual.getElementType() &&
         expected.getRank() == actual.getRank();
}

/// Whether a constant of the pattern stands for this one.
static bool isSameConstant(ConstantOp pattern, ConstantOp op) {
  if (pattern.getValue() == op.getValue())
    return true;
  auto expected = dyn_cast<DenseElementsAttr>(pattern.getValue());
  auto actual = dyn_cast<DenseElementsAttr>(op.getValue());
  return expected && actual && expected.isSplat() && actual.isSplat() &&
         expected.getElementType() == actual.getElementType() &&
         (cast<ShapedType>(expected.getType()).getRank() == 0 ||
          isAlike(expected.getType(), actual.getType())) &&
         expected.getSplatValue<Attribute>() == actual.getSplatValue<Attribute>();
}

namespace {

/// One attempt to find the pattern at a place.
class Match {
public:
  bool matchValue(Value pattern, Value value) {
    if (auto known = bound.find(pattern); known != bound.end())
      return known->second == value;
    Operation *wanted = pattern.getDefiningOp(), *op = value.getDefiningOp();
    if (!wanted) {
      if (!isAlike(pattern.getType(), value.getType()))
        return false;
      bound[pattern] = value;
      return true;
    }
    if (!op || wanted->getName() != op->getName() ||
        cast<OpResult>(pattern).getResultNumber() != cast<OpResult>(value).getResultNumber())
      return false;
    if (auto constant = dyn_cast<ConstantOp>(wanted)) {
      if (!isSameConstant(constant, cast<ConstantOp>(op)))
        return false;
      bound[pattern] = value;
      return true;
    }
    if (!isAlike(pattern.getType(), value.getType()) || !haveSameAttributes(wanted, op) ||
        wanted->getNumOperands() != op->getNumOperands())
      return false;
    if (auto reshape = dyn_cast<ReshapeOp>(wanted))
      if (auto input = cast<RankedTensorType>(op->getOperand(0).getType());
          input.getRank() != cast<RankedTensorType>(reshape.getInput().getType()).getRank() ||
          getReshapedType(reshape, input) != value.getType())
        return false;
    llvm::DenseMap<Value, Value> before = bound;
    bound[pattern] = value;
    if (matchOperands(wanted->getOperands(), op->getOperands()))
      return true;
    if (wanted->hasTrait<OpTrait::IsCommutative>() && wanted->getNumOperands() == 2) {
      bound = before;
      bound[pattern] = value;
      SmallVector<Value> swapped{op->getOperand(1), op->getOperand(0)};
      if (matchOperands(wanted->getOperands(), swapped))
        return true;
    }
    bound = std::move(before);
    return false;
  }

  Value lookup(Value pattern) const { return bound.lookup(pattern); }

private:
  bool matchOperands(ValueRange patterns, ValueRange values) {
    return llvm::all_of(llvm::zip_equal(patterns, values), [&](auto pair) {
      return matchValue(std::get<0>(pair), std::get<1>(pair));
    });
  }

  /// Those of the operation's definition; what else is attached is no part of the meaning.
  static bool haveSameAttributes(Operation *lhs, Operation *rhs) {
    return lhs->getPropertiesAsAttribute() == rhs->getPropertiesAsAttribute();
  }

  llvm::DenseMap<Value, Value> bound;
};

} // namespace

//===----------------------------------------------------------------------===//
// Replacing
//===----------------------------------------------------------------------===//

/// Builds the replacement before `root`; the types follow from the operands.
static FailureOr<Value> build(func::FuncOp replacement, ValueRange arguments, Operation *root) {
  OpBuilder builder(root);
  IRMapping mapping;
  for (auto [argument, value] : llvm::zip_equal(replacement.getArguments(), arguments))
    if (value)
      mapping.map(argument, value);
  for (Operation &op : replacement.getBody().front().without_terminator()) {
    Operation *copy = builder.clone(op, mapping);
    copy->setLoc(root->getLoc());
    if (auto reshape = dyn_cast<ReshapeOp>(op)) {
      auto input = cast<RankedTensorType>(copy->getOperand(0).getType());
      std::optional<RankedTensorType> type = getReshapedType(reshape, input);
      if (!type || !type->hasStaticShape())
        return root->emitError("the replacement's '")
                   << op.getName() << "' cannot stand here, on a " << input,
               failure();
      copy->getResult(0).setType(*type);
      continue;
    }
    SmallVector<Type> types;
    auto inferable = cast<InferTypeOpInterface>(copy);
    if (failed(inferable.inferReturnTypes(builder.getContext(), root->getLoc(), copy->getOperands(),
                                          copy->getAttrDictionary(), copy->getPropertiesStorage(),
                                          copy->getRegions(), types)))
      return root->emitError("the replacement's '") << op.getName() << "' cannot stand here",
             failure();
    for (auto [result, type] : llvm::zip_equal(copy->getResults(), types))
      result.setType(type);
  }
  return mapping.lookupOrDefault(getReturn(replacement).getOperand(0));
}

FailureOr<int64_t> mlir::torsh::applyRewrite(ModuleOp program, func::FuncOp pattern,
                                             func::FuncOp replacement,
                                             std::function<bool(ValueRange)> where) {
  if (failed(verifyRewrite(pattern, replacement)))
    return failure();
  Value wanted = getReturn(pattern).getOperand(0);
  // Users before what they use: a place is taken as a whole, and what of it nothing else
  // reads is gone when it is reached.
  SmallVector<Operation *> candidates;
  program.walk<WalkOrder::PostOrder>([&](Operation *op) {
    if (isa_and_present<TorshDialect>(op->getDialect()) && isMemoryEffectFree(op))
      candidates.push_back(op);
  });
  int64_t count = 0;
  for (Operation *op : llvm::reverse(candidates)) {
    if (op->use_empty()) {
      op->erase();
      continue;
    }
    Match match;
    if (op->getNumResults() != 1 || !match.matchValue(wanted, op->getResult(0)))
      continue;
    SmallVector<Value> operands;
    for (BlockArgument argument : pattern.getArguments())
      operands.push_back(match.lookup(argument));
    if (where && !where(operands))
      continue;
    FailureOr<Value> value = build(replacement, operands, op);
    if (failed(value))
      return failure();
    if (value->getType() != op->getResult(0).getType())
      return op->emitError("the replacement gives ")
                 << value->getType() << ", where the program has " << op->getResult(0).getType(),
             failure();
    op->getResult(0).replaceAllUsesWith(*value);
    op->erase();
    ++count;
  }
  return count;
}
