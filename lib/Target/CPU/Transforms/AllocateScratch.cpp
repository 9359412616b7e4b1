// SPDX-License-Identifier: Apache-2.0
// Places a kernel's buffers on the stack or in the worker's scratch memory.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/Target/CPU/IR/CPUDialect.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_ALLOCATESCRATCHPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Buffers up to this size go on the stack, where they can become registers.
static constexpr int64_t kLargestOnStack = 4096;

/// Moves `alloc` out of the loops around it as far as its extents allow, but not
/// out of a parallel loop: each task needs its own.
static void hoist(memref::AllocOp alloc) {
  Operation *place = alloc;
  for (Operation *parent = alloc->getParentOp(); isa<scf::ForOp, scf::IfOp>(parent);
       parent = parent->getParentOp()) {
    bool isInvariant = llvm::all_of(alloc->getOperands(), [&](Value extent) {
      Region *region = extent.getParentRegion();
      return !parent->isAncestor(region->getParentOp());
    });
    if (!isInvariant)
      break;
    place = parent;
  }
  if (place != alloc)
    alloc->moveBefore(place);
}

namespace {

class AllocateScratchPass : public torsh::impl::AllocateScratchPassBase<AllocateScratchPass> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel))
      return;
    Value worker = kernel.getArguments().back();
    SmallVector<memref::AllocOp> allocations;
    SmallVector<memref::DeallocOp> deallocations;
    kernel.walk([&](Operation *op) {
      if (auto alloc = dyn_cast<memref::AllocOp>(op))
        allocations.push_back(alloc);
      else if (auto dealloc = dyn_cast<memref::DeallocOp>(op))
        deallocations.push_back(dealloc);
    });
    for (memref::DeallocOp dealloc : deallocations)
      dealloc.erase();
    for (memref::AllocOp alloc : allocations) {
      hoist(alloc);
      place(alloc, worker);
    }
  }

  static void place(memref::AllocOp alloc, Value worker) {
    OpBuilder builder(alloc);
    Location loc = alloc.getLoc();
    MemRefType type = alloc.getType();
    Type element = type.getElementType();
    int64_t elementBytes =
        element.isIndex() ? 8 : std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
    bool isInLoop = isa<scf::ForOp, scf::IfOp>(alloc->getParentOp());
    if (type.hasStaticShape() && !isInLoop &&
        type.getNumElements() * elementBytes <= kLargestOnStack) {
      Value stack = memref::AllocaOp::create(builder, loc, type, builder.getI64IntegerAttr(64));
      alloc.replaceAllUsesWith(stack);
      alloc.erase();
      return;
    }
    Value bytes = arith::ConstantIndexOp::create(builder, loc, elementBytes);
    SmallVector<OpFoldResult> sizes = alloc.getMixedSizes();
    SmallVector<OpFoldResult> strides(sizes.size());
    OpFoldResult stride = builder.getIndexAttr(1);
    for (size_t axis = sizes.size(); axis-- > 0;) {
      strides[axis] = stride;
      stride = multiply(builder, loc, stride, sizes[axis]);
    }
    bytes = getValueOrCreateConstantIndexOp(
        builder, loc, multiply(builder, loc, stride, builder.getIndexAttr(elementBytes)));
    Value memory = torsh::cpu::ScratchOp::create(
        builder, loc, MemRefType::get({}, type.getElementType()), worker, bytes);
    if (type.getRank()) {
      SmallVector<int64_t> staticStrides;
      for (OpFoldResult value : strides)
        staticStrides.push_back(getConstantIntValue(value).value_or(ShapedType::kDynamic));
      auto viewType =
          MemRefType::get(type.getShape(), type.getElementType(),
                          StridedLayoutAttr::get(builder.getContext(), 0, staticStrides));
      memory = memref::ReinterpretCastOp::create(builder, loc, viewType, memory,
                                                 builder.getIndexAttr(0), sizes, strides);
      if (viewType != type)
        memory = memref::CastOp::create(builder, loc, type, memory);
    }
    alloc.replaceAllUsesWith(memory);
    alloc.erase();
  }

  static OpFoldResult multiply(OpBuilder &builder, Location loc, OpFoldResult x, OpFoldResult y) {
    std::optional<int64_t> left = getConstantIntValue(x), right = getConstantIntValue(y);
    if (left && right)
      return builder.getIndexAttr(*left * *right);
    Value a = getValueOrCreateConstantIndexOp(builder, loc, x);
    Value b = getValueOrCreateConstantIndexOp(builder, loc, y);
    return arith::MulIOp::create(builder, loc, a, b).getResult();
  }
};

} // namespace
