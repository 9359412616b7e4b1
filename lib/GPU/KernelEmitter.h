// SPDX-License-Identifier: Apache-2.0
// Emits the code of a kernel on blocks of threads.

#ifndef TORSHJIT_LIB_GPU_KERNELEMITTER_H
#define TORSHJIT_LIB_GPU_KERNELEMITTER_H

#include "KernelStructure.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/GPU/DeviceTraits.h"
#include "torshjit/GPU/ElementEmitter.h"

namespace mlir::torsh::gpu {

/// How many blocks do a kernel's work: the product of ceil(product of extents / per).
struct GridFactor {
  int64_t per = 1;
  SmallVector<Value> extents;
};

/// The operation that merges two partial results of a reduction, or null.
Operation *combinerOf(linalg::GenericOp op, unsigned result);
/// Whether it finds an element and its position.
bool isArgumentReduction(linalg::GenericOp op);
/// Whether several threads can share a reduction.
bool canShareLanes(linalg::GenericOp op);

/// Fails, and says why, where no correct kernel follows the schedule.
LogicalResult verifySchedule(func::FuncOp kernel, const KernelStructure &structure,
                             ScheduleAttr schedule, const DeviceTraits &traits);
/// Fails where a kernel declares more workgroup memory than there is.
LogicalResult verifyMemory(::mlir::gpu::GPUFuncOp function, const DeviceTraits &traits);

class KernelEmitter {
public:
  KernelEmitter(func::FuncOp kernel, ::mlir::gpu::GPUFuncOp function,
                const KernelStructure &structure, ScheduleAttr schedule, int64_t vector,
                const DeviceTraits &traits, OpBuilder &builder);

  /// Emits the body, and gives the function its grid.
  LogicalResult emit();

private:
  friend class ContractionEmitter;

  // One for each kind of work; they can follow each other in one kernel.
  LogicalResult emitSeparate(ArrayRef<Output> outputs);
  LogicalResult emitReductions();
  LogicalResult emitContraction();

  //===--------------------------------------------------------------------===//
  // Elements (ElementwiseKernel.cpp)
  //===--------------------------------------------------------------------===//

  /// Emits and stores the elements of outputs of equal extents.
  LogicalResult emitElements(ArrayRef<Output> outputs);
  int64_t vectorOf(ArrayRef<Value> extents);
  LogicalResult storeElement(const Output &output, ArrayRef<Value> index);
  /// Stores the element of an output at a point of its space, whose row-major position
  /// is known.
  LogicalResult storePoint(const AlignedOutput &aligned, SmallVector<Value> point, Value position);

  //===--------------------------------------------------------------------===//
  // Groups of threads (ReductionKernel.cpp)
  //===--------------------------------------------------------------------===//

  /// Where a thread stands in the group that works on one row or column.
  struct Group {
    int64_t lanes = 1;
    bool isColumn = false;
    Value lane;
    /// The position in workgroup memory of this thread's value, and the distance to
    /// the next lane's.
    Value slot, first;
    int64_t stride = 1;
  };
  /// Calls `body` with each number below `total` that is this lane's.
  FailureOr<SmallVector<Value>> forLane(const Group &group, Value total, ValueRange carried,
                                        bool isContiguous, ElementEmitter::LoopBody body);
  LogicalResult emitShared(linalg::GenericOp op, ArrayRef<Value> groupIndex, const Group &group);
  LogicalResult storeAligned(const AlignedOutput &aligned, ArrayRef<Value> groupIndex, Value number,
                             const Group &group);

  //===--------------------------------------------------------------------===//
  // Combination over lanes (GroupReduction.cpp)
  //===--------------------------------------------------------------------===//

  Value combine(Operation *combiner, Value x, Value y);
  /// The combination of every lane's value, in every lane.
  Value reduceOverLanes(Operation *combiner, Value value, const Group &group);
  Value reduceBySubgroup(Operation *combiner, Value value, const Group &group);
  using Merge =
      llvm::function_ref<FailureOr<SmallVector<Value>>(ArrayRef<Value> x, ArrayRef<Value> y)>;
  FailureOr<SmallVector<Value>> reduceByMemory(ArrayRef<Value> values, Merge merge,
                                               const Group &group);
  FailureOr<SmallVector<Value>> mergeArguments(linalg::GenericOp op, ArrayRef<Value> x,
                                               ArrayRef<Value> y);
  /// Workgroup memory of `count` elements, shared by all that ask for the same.
  Value workgroupMemory(StringRef purpose, Type element, int64_t count);
  void barrier();

  /// Grid-stride: calls `body` with each number below `count` that is this block's, or
  /// this thread's.
  FailureOr<SmallVector<Value>> forBlock(Value count, ElementEmitter::LoopBody body);

  void setGrid(ArrayRef<GridFactor> factors);
  void setCounts();
  /// An extent as the grid attribute has it, if it can.
  std::optional<int64_t> encode(Value extent);

  Type elementOf(Value tensor) { return cast<ShapedType>(tensor.getType()).getElementType(); }

  func::FuncOp kernel;
  ::mlir::gpu::GPUFuncOp function;
  const KernelStructure &structure;
  ScheduleAttr schedule;
  int64_t threads, vector;
  const DeviceTraits &traits;
  OpBuilder &b;
  Location loc;
  ElementEmitter e;
  Value thread, block, blocks;
  llvm::StringMap<Value> memory;
};

} // namespace mlir::torsh::gpu

#endif // TORSHJIT_LIB_GPU_KERNELEMITTER_H
