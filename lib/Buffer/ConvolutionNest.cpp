// SPDX-License-Identifier: Apache-2.0
// The loops of a convolution on memrefs, sorted by what they run over.

#include "ConvolutionNest.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

ConvolutionNest::ConvolutionNest(linalg::GenericOp op, OpBuilder &builder, ScheduleAttr schedule)
    : LoopEmitter(builder, op.getLoc()), op(op), schedule(schedule),
      element(cast<MemRefType>(op.getOutputs()[0].getType()).getElementType()) {}

LogicalResult ConvolutionNest::analyze() {
  b.setInsertionPoint(op);
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (!maps[1].isProjectedPermutation() || !maps[2].isProjectedPermutation() ||
      maps[2].getNumResults() == 0)
    return failure();
  // Without a window or a stride it is a matrix product. One whose result is contiguous
  // along what it has of its left operand is a pointwise convolution.
  unsigned last = cast<AffineDimExpr>(maps[2].getResults().back()).getPosition();
  isPointwise = maps[0].isProjectedPermutation();
  if (isPointwise && (!maps[0].isFunctionOfDim(last) || maps[1].isFunctionOfDim(last)))
    return failure();
  // Floats are widened where they are read; other operations of the body are not known here.
  for (Value operand : op.getInputs()) {
    Type own = getElementTypeOrSelf(operand.getType());
    if (own != element && !(isa<FloatType>(own) && isa<FloatType>(element)))
      return failure();
  }
  findEpilogue();
  SmallVector<Range> ranges = cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, loc);
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    OpFoldResult extent = ranges[loop].size;
    if (getConstantIntValue(extent) == 1)
      continue; // Its index is 0.
    bool inInput = maps[0].isFunctionOfDim(loop), inWeight = maps[1].isFunctionOfDim(loop);
    if (!maps[2].isFunctionOfDim(loop))
      depth.push_back({loop, extent});
    else if (inInput && inWeight)
      outer.push_back({loop, extent});
    else if (inInput)
      positions.push_back({loop, extent});
    else
      outputs.push_back({loop, extent});
  }
  FailureOr<LinearAccess> left = LinearAccess::create(b, loc, op.getInputs()[0], maps[0]);
  FailureOr<LinearAccess> right = LinearAccess::create(b, loc, op.getInputs()[1], maps[1]);
  FailureOr<LinearAccess> sum = LinearAccess::create(b, loc, op.getOutputs()[0], maps[2]);
  if (failed(left) || failed(right) || failed(sum) || positions.empty() || depth.empty())
    return failure();
  input = std::move(*left);
  weight = std::move(*right);
  result = std::move(*sum);
  return success();
}

std::optional<int64_t> ConvolutionNest::stride(const LinearAccess &access, const Loop &loop) const {
  return getConstantIntValue(access.strides[loop.number]);
}

void ConvolutionNest::forEach(ArrayRef<Loop> loops, ArrayRef<const LinearAccess *> accesses,
                              ArrayRef<Value> offsets, function_ref<void(ArrayRef<Value>)> body) {
  LoopGroup group;
  for (const Loop &loop : loops) {
    group.loops.push_back(loop.number);
    group.extents.push_back(loop.extent);
  }
  LoopEmitter::forEach(group, accesses, offsets, body);
}

Value ConvolutionNest::takeInitialValue() {
  Value out = op.getOutputs()[0];
  for (Operation *before = op->getPrevNode(); before; before = before->getPrevNode()) {
    if (auto fill = dyn_cast<linalg::FillOp>(before); fill && fill.getOutputs()[0] == out) {
      Value initial = fill.getInputs()[0];
      fill.erase();
      return initial;
    }
    // Other operations on the way may not touch the result. Kernels' buffers do not
    // overlap, but views of one may.
    bool isOther = isa<linalg::LinalgOp>(before) && !llvm::is_contained(before->getOperands(), out);
    if (!isOther && !isMemoryEffectFree(before) && !isa<memref::AllocOp>(before))
      return {};
  }
  return {};
}

Value ConvolutionNest::widen(Value x) {
  Type own = getElementTypeOrSelf(x.getType());
  if (own == element)
    return x;
  Type type = element;
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    type = VectorType::get(vector.getShape(), element);
  return arith::ExtFOp::create(b, loc, type, x);
}

Value ConvolutionNest::multiplyAdd(Value x, Value y, Value sum) {
  if (isa<FloatType>(element))
    return vector::FMAOp::create(b, loc, x, y, sum);
  return arith::AddIOp::create(b, loc, sum, arith::MulIOp::create(b, loc, x, y));
}
