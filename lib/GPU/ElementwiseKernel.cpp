// SPDX-License-Identifier: Apache-2.0
// Kernels and parts of kernels of which each element is computed by itself.

#include "KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

LogicalResult KernelEmitter::storeElement(const Output &output, ArrayRef<Value> index) {
  FailureOr<Value> value = e.emit(output.tensor, index);
  if (failed(value))
    return failure();
  e.store(*value, output.destination, index);
  return success();
}

LogicalResult KernelEmitter::storePoint(const AlignedOutput &aligned, SmallVector<Value> point,
                                        Value position) {
  e.definePosition(e.extents(aligned.space), point, position);
  // From the space outwards to the output.
  for (Value reshaped : llvm::reverse(aligned.reshapes)) {
    SmallVector<Value> shape = e.extents(reshaped), outer = e.delinearize(position, shape);
    e.definePosition(shape, outer, position);
    e.defineSource(reshaped, outer, point);
    point = outer;
  }
  return storeElement(aligned.output, point);
}

/// The elements that a thread takes at a time: whole vectors make up a row. Where the
/// last extent is not known, the function demands that of it.
int64_t KernelEmitter::vectorOf(ArrayRef<Value> extents) {
  if (extents.empty())
    return 1;
  int64_t own = vector;
  if (std::optional<int64_t> last = getConstantIntValue(extents.back()))
    while (*last % own != 0)
      own /= 2;
  return own;
}

/// Outputs of equal extents share loops, and what they compute alike.
LogicalResult KernelEmitter::emitSeparate(ArrayRef<Output> outputs) {
  SmallVector<Output> left(outputs);
  SmallVector<GridFactor> largest;
  int64_t most = -1;
  while (!left.empty()) {
    SmallVector<Output> now, later;
    SmallVector<Value> extents = e.extents(left.front().destination);
    for (const Output &output : left)
      (e.extents(output.destination) == extents ? now : later).push_back(output);
    if (failed(emitElements(now)))
      return failure();
    int64_t known = 1;
    for (Value extent : extents)
      known *= getConstantIntValue(extent).value_or(1 << 20);
    if (known > most) {
      most = known;
      largest = {{threads * vectorOf(extents), extents}};
    }
    left = later;
  }
  if (structure.aligned.empty())
    setGrid(largest);
  return success();
}

LogicalResult KernelEmitter::emitElements(ArrayRef<Output> outputs) {
  ElementEmitter::Scope scope(e);
  SmallVector<Value> extents = e.extents(outputs.front().destination);
  Value total = e.volume(extents);
  int64_t vector = vectorOf(extents);
  Value first = e.mul(e.add(e.mul(block, e.constant(threads)), thread), e.constant(vector));
  Value step = e.mul(blocks, e.constant(threads * vector));
  return e.forLoop(first, total, step, {},
                   [&](Value at, ValueRange) -> FailureOr<SmallVector<Value>> {
                     // The elements that a thread takes at a time are neighbours in the last axis:
                     // the vector's length divides it.
                     SmallVector<Value> base = e.delinearize(at, extents);
                     for (int64_t i = 0; i < vector; ++i) {
                       ElementEmitter::Scope inner(e);
                       SmallVector<Value> index(base);
                       if (i)
                         index.back() = e.add(base.back(), e.constant(i));
                       e.definePosition(extents, index, e.add(at, e.constant(i)));
                       for (const Output &output : outputs)
                         if (failed(storeElement(output, index)))
                           return failure();
                     }
                     return SmallVector<Value>();
                   });
}
