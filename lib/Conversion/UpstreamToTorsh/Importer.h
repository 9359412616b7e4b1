// SPDX-License-Identifier: Apache-2.0
// Walks a function of MLIR's own dialects and builds one of torsh operations.

#ifndef TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_IMPORTER_H
#define TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_IMPORTER_H

#include "ElementRules.h"
#include "TensorBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::torsh {

/// A loop of known length is unrolled up to so many iterations.
inline constexpr int64_t kMostIterations = 64;

/// Loops in loops and calls in calls are unrolled up to so many operations.
inline constexpr int64_t kMostOperations = 100000;

/// A tensor, or a number outside of tensors, of the program is a tensor of the import, whose
/// type may know more extents. An index is an index where the host program computes it, and a
/// tensor of i64 where it follows from elements or from the place of one.
class Importer {
public:
  Importer(OpBuilder &builder, const ElementRules &rules) : t(builder), rules(rules) {}

  /// Imports a function into a new one beside it, which has another name until the old one goes.
  FailureOr<func::FuncOp> importFunction(func::FuncOp function);

  /// Imports the operations of a block, but for its terminator.
  LogicalResult importBlock(Block &block);
  LogicalResult importOp(Operation *op);

  /// What a value of the program has become.
  Value get(Value value) const { return values.lookup(value); }
  SmallVector<Value> get(ValueRange range) const;
  LogicalResult set(Value value, Value imported);
  /// The same as a tensor, if it is an index of the host program; null after an error.
  Value tensorOf(Value value);
  /// An index as an extent; reports where it is not one of the host program.
  FailureOr<OpFoldResult> extentOf(Operation *op, OpFoldResult value);
  /// An index that is known now.
  std::optional<int64_t> constantOf(Value value) const;

  /// Reports that an operation, or this form of it, cannot be imported.
  LogicalResult refuse(Operation *op, const Twine &reason);

  /// The places of the elements along the loops around a body, as tensors of i64.
  struct PlacesScope {
    PlacesScope(Importer &importer, SmallVector<Value> places)
        : importer(importer), outer(std::move(importer.places)) {
      importer.places = std::move(places);
    }
    ~PlacesScope() { importer.places = std::move(outer); }
    Importer &importer;
    SmallVector<Value> outer;
  };
  ArrayRef<Value> getPlaces() const { return places; }

  TensorBuilder t;
  const ElementRules &rules;
  /// How many branches on values are around the operation.
  int64_t branches = 0;

private:
  LogicalResult importElement(Operation *op, ElementRule rule);
  LogicalResult importIndexArithmetic(Operation *op);
  LogicalResult importConstant(Operation *op);
  LogicalResult importCall(Operation *op);
  LogicalResult importTorsh(Operation *op);

  DenseMap<Value, Value> values;
  SmallVector<Value> places;
  int64_t depth = 0;
  int64_t count = 0;
};

// Each imports the operations of a family, and says no to those of others.
std::optional<LogicalResult> importTensorOp(Importer &importer, Operation *op);
std::optional<LogicalResult> importInsertion(Importer &importer, Operation *op);
std::optional<LogicalResult> importStructuredOp(Importer &importer, Operation *op);
std::optional<LogicalResult> importControlFlow(Importer &importer, Operation *op);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_IMPORTER_H
