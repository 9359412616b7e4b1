// SPDX-License-Identifier: Apache-2.0
// Turns the tensors of a kernel into memrefs.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_BUFFERIZEKERNELSPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// A copy that later passes can lower and vectorise; memref.copy is a library call.
static LogicalResult createCopy(OpBuilder &builder, Location loc, Value from, Value to) {
  auto type = cast<MemRefType>(from.getType());
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
  linalg::GenericOp::create(
      builder, loc, from, to, ArrayRef<AffineMap>{identity, identity}, iterators,
      [](OpBuilder &b, Location l, ValueRange x) { linalg::YieldOp::create(b, l, x[0]); });
  return success();
}

/// Gives a tile's buffer extents that do not differ from tile to tile: those that
/// do are replaced by their bound, and the users see a subview of the extents they
/// asked for. Such a buffer can be allocated once for many tiles.
static void boundAllocation(memref::AllocOp alloc) {
  auto loop = alloc->getParentOfType<scf::ForallOp>();
  if (!loop)
    return;
  // Users that name the buffer's type, as views do, would have to change.
  if (!llvm::all_of(alloc->getUsers(), [](Operation *user) { return isa<linalg::LinalgOp>(user); }))
    return;
  MemRefType type = alloc.getType();
  SmallVector<OpFoldResult> extents = alloc.getMixedSizes();
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<Value> invariantExtents;
  bool isBounded = false;
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!type.isDynamicDim(axis))
      continue;
    Value extent = cast<Value>(extents[axis]);
    if (loop.isDefinedOutsideOfLoop(extent)) {
      invariantExtents.push_back(extent);
      continue;
    }
    FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, ValueBoundsConstraintSet::Variable(extent),
        /*stopCondition=*/nullptr, /*closedUB=*/true);
    if (failed(bound))
      return; // Allocated for every tile.
    shape[axis] = *bound;
    isBounded = true;
  }
  if (!isBounded)
    return;
  OpBuilder builder(alloc);
  Location loc = alloc.getLoc();
  auto bounded =
      memref::AllocOp::create(builder, loc, MemRefType::get(shape, type.getElementType()),
                              invariantExtents, alloc.getAlignmentAttr());
  SmallVector<OpFoldResult> zeros(type.getRank(), builder.getIndexAttr(0));
  SmallVector<OpFoldResult> ones(type.getRank(), builder.getIndexAttr(1));
  Value view = memref::SubViewOp::create(builder, loc, bounded, zeros, extents, ones);
  alloc.replaceAllUsesWith(view);
  alloc.erase();
}

/// Gives each result its own initial value. One that several share, as equal ones are
/// merged into, would be written into the memory of the first result that the kernel
/// materialises: then results that are still to be read, too.
static void separateInits(func::FuncOp kernel) {
  SmallVector<Operation *> shared;
  // Fills before the empty tensors that they write to.
  kernel.walk([&](linalg::FillOp fill) { shared.push_back(fill); });
  kernel.walk([&](tensor::EmptyOp empty) { shared.push_back(empty); });
  for (Operation *op : shared) {
    SmallVector<OpOperand *> inits;
    for (OpOperand &use : op->getUses()) {
      auto writer = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
      // Nothing reads what is in an empty tensor.
      if (isa<tensor::EmptyOp>(op) || isa<scf::ForallOp>(use.getOwner()) ||
          (writer && writer.isDpsInit(&use)))
        inits.push_back(&use);
    }
    bool isForInitsAlone = op->getResult(0).hasNUses(inits.size());
    if (isForInitsAlone && !inits.empty())
      inits.pop_back();
    for (OpOperand *use : inits) {
      OpBuilder builder(op);
      Operation *copy = builder.clone(*op);
      if (auto fill = dyn_cast<linalg::FillOp>(copy))
        if (Operation *empty = fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>()) {
          builder.setInsertionPoint(fill);
          fill->setOperand(1, builder.clone(*empty)->getResult(0));
        }
      use->set(copy->getResult(0));
    }
  }
}

namespace {

class BufferizeKernelsPass : public torsh::impl::BufferizeKernelsPassBase<BufferizeKernelsPass> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel))
      return;
    separateInits(kernel);
    IRRewriter rewriter(&getContext());
    if (failed(bufferization::eliminateEmptyTensors(rewriter, kernel)))
      return signalPassFailure();
    bufferization::OneShotBufferizationOptions options;
    options.memCpyFn = createCopy;
    options.bufferAlignment = 64;
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotBufferize(kernel, options, state)))
      return signalPassFailure();
    SmallVector<memref::AllocOp> allocations;
    kernel.walk([&](memref::AllocOp alloc) { allocations.push_back(alloc); });
    for (memref::AllocOp alloc : allocations)
      boundAllocation(alloc);
  }
};

} // namespace
