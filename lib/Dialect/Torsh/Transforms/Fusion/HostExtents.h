// SPDX-License-Identifier: Apache-2.0
// The extents of every tensor of a function, in terms of its arguments'
// extents.

#ifndef TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_HOSTEXTENTS_H
#define TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_HOSTEXTENTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace mlir::torsh {

/// Whether `op` computes one integer or index: a `tensor.dim`, or an `arith` or
/// `affine` operation.
bool isIndexComputation(Operation *op);

/// Moves every index computation and every check of a function to its entry,
/// with each `tensor.dim` resolved to extents of the arguments, and knows the
/// extents of every tensor. Equal computations become one, so that two extents
/// that are the same value are equal.
class HostExtents {
public:
  /// Rewrites `func`, which must have one block. Fails with an error where an
  /// extent cannot be computed.
  static FailureOr<HostExtents> resolve(func::FuncOp func);

  /// One entry per axis: an attribute where the extent is known, else a value
  /// at the entry of the function.
  ArrayRef<OpFoldResult> getExtents(Value tensor) const;

  /// Lets `results` stand for `tensors`, which are about to be erased.
  void replaceTensors(ValueRange tensors, ValueRange results);

  /// `extent` as a value at the entry of the function.
  Value materialize(OpFoldResult extent);

  /// The product of extents.
  OpFoldResult getProduct(ArrayRef<OpFoldResult> factors, Location loc);

  /// A builder behind what lies at the entry so far.
  OpBuilder &builderAtEntry() { return builder; }

  /// Erases the index computations that nothing uses. No extent may be asked
  /// for any more.
  void eraseUnused();

private:
  /// Compares what operations compute.
  struct SameComputation : llvm::DenseMapInfo<Operation *> {
    static unsigned getHashValue(const Operation *op);
    static bool isEqual(const Operation *lhs, const Operation *rhs);
  };

  explicit HostExtents(Block *block) : block(block), builder(block, block->begin()) {}

  /// `operand`, which an index computation gave, as resolved to the entry.
  OpFoldResult lookup(Value operand) const;
  /// What `op` computes, built at the entry.
  FailureOr<OpFoldResult> rebuild(Operation *op);
  /// Computes the extents of the results of `op`.
  LogicalResult inferExtents(Operation *op);
  /// The operation at the entry that computes what `op`, just built there,
  /// does.
  Value intern(Operation *op);

  Block *block;
  OpBuilder builder;
  llvm::DenseSet<Operation *, SameComputation> computations;
  llvm::DenseMap<Value, OpFoldResult> resolved;
  llvm::DenseMap<Value, SmallVector<OpFoldResult>> extents;
};

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_DIALECT_TORSH_TRANSFORMS_FUSION_HOSTEXTENTS_H
