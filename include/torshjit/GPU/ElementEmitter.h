// SPDX-License-Identifier: Apache-2.0
// Emits the scalar computation of one element of a tensor of a kernel.
//
// A kernel arrives as a graph of linalg operations on tensors. Instead of giving the
// intermediate tensors memory, the emitter computes the element that is asked for
// from elements of the operands, and so on to loads of the kernel's inputs. What has
// been computed is found again as long as it dominates. This is how XLA's GPU back
// end emits fusions (its elemental IR emitter).

#ifndef TORSHJIT_GPU_ELEMENTEMITTER_H
#define TORSHJIT_GPU_ELEMENTEMITTER_H

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include <map>

namespace mlir::torsh::gpu {

/// The type of a kernel's memory: bools are bytes.
Type getMemoryType(Type element);

class ElementEmitter {
public:
  /// Emits into `function`, whose arguments are the kernel's memrefs flattened and
  /// then its dynamic extents. The builder's insertion point is the caller's affair.
  ElementEmitter(func::FuncOp kernel, ::mlir::gpu::GPUFuncOp function, OpBuilder &builder);

  OpBuilder &getBuilder() { return b; }
  Location getLoc() const { return loc; }

  //===--------------------------------------------------------------------===//
  // Elements
  //===--------------------------------------------------------------------===//

  /// The element of a tensor at an index, of the tensor's element type.
  FailureOr<Value> emit(Value tensor, ArrayRef<Value> index);

  /// What the loops of a generic compute at one point: its yielded values, for the
  /// given values of its output arguments.
  FailureOr<SmallVector<Value>> emitBody(linalg::GenericOp op, ArrayRef<Value> loops,
                                         ArrayRef<Value> outputs);
  /// The same, for the given values of its input arguments.
  FailureOr<SmallVector<Value>> emitBody(linalg::GenericOp op, ArrayRef<Value> loops,
                                         ArrayRef<Value> inputs, ArrayRef<Value> outputs);

  /// Stores into the memory of an argument of the kernel.
  void store(Value value, BlockArgument destination, ArrayRef<Value> index);

  /// From here on, and as long as the scope lasts, the element is this value.
  void define(Value tensor, ArrayRef<Value> index, Value value);
  /// The row-major position of an index in a space of these extents is known.
  void definePosition(ArrayRef<Value> extents, ArrayRef<Value> index, Value position);
  /// An index into a reshaped tensor is this index into what it was reshaped from.
  void defineSource(Value reshaped, ArrayRef<Value> index, ArrayRef<Value> sourceIndex);

  //===--------------------------------------------------------------------===//
  // Extents and indices
  //===--------------------------------------------------------------------===//

  /// Values at the function's entry: they dominate everything.
  Value constant(int64_t value);
  Value extent(Value tensor, int64_t axis);
  SmallVector<Value> extents(Value tensor);
  SmallVector<Value> loopExtents(linalg::LinalgOp op);
  /// The number of elements of a space.
  Value volume(ArrayRef<Value> extents);
  /// The extents of every space whose elements have been counted.
  ArrayRef<SmallVector<Value>> getCountedSpaces() const { return countedSpaces; }
  /// A scalar computed outside of the generics.
  FailureOr<Value> scalar(Value value);

  Value linearize(ArrayRef<Value> index, ArrayRef<Value> extents);
  SmallVector<Value> delinearize(Value position, ArrayRef<Value> extents);

  /// What a map of loops gives for these.
  FailureOr<SmallVector<Value>> apply(AffineMap map, ArrayRef<Value> dims);

  // Index arithmetic that folds constants, so that what is known stays known.
  Value add(Value x, Value y);
  Value mul(Value x, Value y);
  Value sub(Value x, Value y);
  /// Of numbers that are not negative.
  Value div(Value x, Value y);
  Value rem(Value x, Value y);
  Value ceilDiv(Value x, Value y);
  Value lessThan(Value x, Value y);

  //===--------------------------------------------------------------------===//
  // Regions
  //===--------------------------------------------------------------------===//

  using LoopBody = llvm::function_ref<FailureOr<SmallVector<Value>>(Value i, ValueRange carried)>;
  /// scf.for from `from` below `to`; gives the carried values after it.
  FailureOr<SmallVector<Value>> forLoop(Value from, Value to, Value step, ValueRange carried,
                                        LoopBody body);
  using BranchBody = llvm::function_ref<FailureOr<SmallVector<Value>>()>;
  /// scf.if; gives what `then` gives, or `otherwise` where the condition is false.
  FailureOr<SmallVector<Value>> ifThen(Value condition, ValueRange otherwise, BranchBody then);

  /// While it lives, what is computed is forgotten at its end: for code that does not
  /// dominate what follows.
  class Scope {
  public:
    explicit Scope(ElementEmitter &emitter) : emitter(emitter) { emitter.known.emplace_back(); }
    ~Scope() { emitter.known.pop_back(); }

  private:
    ElementEmitter &emitter;
  };

private:
  /// What is known in a scope, by tensor (or null) and index.
  using Key = std::vector<void *>;
  struct Known {
    std::map<Key, Value> elements;
    std::map<Key, Value> positions;
    std::map<Key, SmallVector<Value>> sources;
  };

  static Key key(Value tensor, ArrayRef<Value> index);
  const SmallVector<Value> *findSource(Value reshaped, ArrayRef<Value> index);

  FailureOr<Value> compute(Value tensor, ArrayRef<Value> index);
  FailureOr<Value> computeGeneric(linalg::GenericOp op, unsigned result, ArrayRef<Value> index);
  FailureOr<SmallVector<Value>> computeReduction(linalg::GenericOp op, ArrayRef<Value> loops,
                                                 ArrayRef<unsigned> reductions, size_t next,
                                                 SmallVector<Value> carried);
  FailureOr<Value> computeInsertSlice(tensor::InsertSliceOp op, ArrayRef<Value> index);
  FailureOr<Value> computeConstant(DenseElementsAttr elements, ArrayRef<Value> index);
  Value load(BlockArgument argument, ArrayRef<Value> index);
  FailureOr<Value> apply(AffineExpr expr, ArrayRef<Value> dims);
  FailureOr<Value> foldResult(OpFoldResult value);
  Value position(ArrayRef<Value> index, ArrayRef<Value> extents);

  func::FuncOp kernel;
  ::mlir::gpu::GPUFuncOp function;
  OpBuilder &b;
  Location loc;
  /// What scalars and extents are emitted before.
  Operation *entryEnd;
  std::map<int64_t, Value> constants;
  DenseMap<Value, Value> scalars;
  std::map<Key, Value> extentProducts;
  SmallVector<SmallVector<Value>> countedSpaces;
  std::vector<Known> known{1};
};

} // namespace mlir::torsh::gpu

#endif // TORSHJIT_GPU_ELEMENTEMITTER_H
