// SPDX-License-Identifier: Apache-2.0
// Places a kernel's buffers on the stack or in the worker's scratch memory.

#include "RowMajorView.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
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
    SmallVector<OpFoldResult> sizes = alloc.getMixedSizes();
    OpFoldResult elements = builder.getIndexAttr(1);
    for (OpFoldResult size : llvm::reverse(sizes))
      elements = multiplySizes(builder, loc, elements, size);
    OpFoldResult bytes = multiplySizes(builder, loc, elements, builder.getIndexAttr(elementBytes));
    Value memory =
        torsh::cpu::ScratchOp::create(builder, loc, MemRefType::get({}, element), worker,
                                      getValueOrCreateConstantIndexOp(builder, loc, bytes));
    memory = viewRowMajor(builder, loc, memory, type, sizes);
    alloc.replaceAllUsesWith(memory);
    alloc.erase();
  }
};

} // namespace
