// SPDX-License-Identifier: Apache-2.0
// How the threads of a block multiply two tiles that lie in workgroup memory. lib/GPU
// has one way that every device can go; a target can bring its matrix instructions.

#ifndef TORSHJIT_GPU_CONTRACTIONATOM_H
#define TORSHJIT_GPU_CONTRACTIONATOM_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh::gpu {

class ElementEmitter;

/// The tile of the result that a block computes, and who does.
struct ContractionTile {
  int64_t rows, columns, depth;
  int64_t threads;
  Value thread;
};

/// A tile of an operand: element (i, k) at i * pitch + k of rank-1 workgroup memory,
/// i a row of the left operand or a column of the right one; transposed, at
/// k * pitch + i. Bools are bytes.
struct StagedOperand {
  Value memory;
  int64_t pitch;
  Type element;
  bool isTransposed = false;
  /// Where the tile begins in the memory; null at its start.
  Value begin;
};

/// Marks a store of what was copied from an operand, whose group is committed and
/// waited for: the target may copy in the background.
inline constexpr llvm::StringLiteral kAsyncCopyAttrName = "torsh.async_copy";

class ContractionAtom {
public:
  virtual ~ContractionAtom() = default;

  /// The dialects of what it emits.
  virtual void getDependentDialects(DialectRegistry &registry) const {}

  /// Chooses the tile and the threads of a block for a product of so many rows and
  /// columns; false, and nothing chosen, where it cannot do it.
  virtual bool chooseTile(linalg::GenericOp op, int64_t rows, int64_t columns,
                          ContractionTile &tile) const {
    return false;
  }

  /// Whether it can do this product in tiles of this size.
  virtual bool accepts(linalg::GenericOp op, const ContractionTile &tile) const = 0;

  /// Whether operands whose neighbours in memory are not along the depth may be
  /// staged transposed: as they lie.
  virtual bool takesTransposed() const { return false; }

  /// Most tiles of the depth that are staged at a time. With more than one, the next
  /// ones are copied while one is multiplied.
  virtual int64_t getStages() const { return 1; }
  /// What has been staged since the last call becomes a group of copies.
  virtual void commit(ElementEmitter &e) const {}
  /// Waits for all groups of this thread but the latest `pending`.
  virtual void wait(ElementEmitter &e, int64_t pending) const {}

  /// How far apart rows of so many staged elements should lie.
  virtual int64_t getPitch(int64_t elements) const = 0;

  /// This thread's accumulators before the first product.
  virtual SmallVector<Value> initialize(ElementEmitter &e, const ContractionTile &tile,
                                        Value init) const = 0;

  /// Adds the product of the staged tiles. `leftIsFirst` says whether the operand of
  /// the rows is the first of the generic's.
  virtual FailureOr<SmallVector<Value>> multiply(ElementEmitter &e, linalg::GenericOp op,
                                                 const ContractionTile &tile,
                                                 const StagedOperand &left,
                                                 const StagedOperand &right, bool leftIsFirst,
                                                 SmallVector<Value> accumulators) const = 0;

  /// Calls `body` with the row and column, within the tile, of each accumulated element
  /// that this thread has.
  using ElementBody = llvm::function_ref<LogicalResult(Value row, Value column, Value element)>;
  virtual LogicalResult forEach(ElementEmitter &e, const ContractionTile &tile,
                                ArrayRef<Value> accumulators, ElementBody body) const = 0;
};

/// Every thread multiplies a few rows by a few columns, element by element.
class SimtAtom : public ContractionAtom {
public:
  SimtAtom(int64_t rows, int64_t columns) : rows(rows), columns(columns) {}

  bool accepts(linalg::GenericOp op, const ContractionTile &tile) const override;
  int64_t getPitch(int64_t depth) const override;
  SmallVector<Value> initialize(ElementEmitter &e, const ContractionTile &tile,
                                Value init) const override;
  FailureOr<SmallVector<Value>> multiply(ElementEmitter &e, linalg::GenericOp op,
                                         const ContractionTile &tile, const StagedOperand &left,
                                         const StagedOperand &right, bool leftIsFirst,
                                         SmallVector<Value> accumulators) const override;
  LogicalResult forEach(ElementEmitter &e, const ContractionTile &tile,
                        ArrayRef<Value> accumulators, ElementBody body) const override;

private:
  int64_t rows, columns;
};

} // namespace mlir::torsh::gpu

#endif // TORSHJIT_GPU_CONTRACTIONATOM_H
