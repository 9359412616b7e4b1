// SPDX-License-Identifier: Apache-2.0
// What all kinds of kernels share: numbers of threads and blocks, the grid.

#include "KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

/// Blocks where the extents are not simply those of the arguments. Kernels go round
/// until all is done, so any number is right.
static constexpr int64_t kUnknownGrid = 1024;

KernelEmitter::KernelEmitter(func::FuncOp kernel, ::mlir::gpu::GPUFuncOp function,
                             const KernelStructure &structure, ScheduleAttr schedule,
                             int64_t vector, const DeviceTraits &traits, OpBuilder &builder)
    : kernel(kernel), function(function), structure(structure), schedule(schedule),
      threads(schedule.getThreads()), vector(vector), traits(traits), b(builder),
      loc(kernel.getLoc()), e(kernel, function, builder) {}

LogicalResult KernelEmitter::emit() {
  b.setInsertionPoint(function.getBody().front().getTerminator());
  using ::mlir::gpu::Dimension;
  thread = ::mlir::gpu::ThreadIdOp::create(b, loc, Dimension::x);
  block = ::mlir::gpu::BlockIdOp::create(b, loc, Dimension::x);
  blocks = ::mlir::gpu::GridDimOp::create(b, loc, Dimension::x);
  setGrid({});
  if (structure.contraction) {
    if (failed(emitContraction()))
      return failure();
  } else if (!structure.reductions.empty()) {
    if (failed(emitReductions()))
      return failure();
  }
  if (!structure.separate.empty() && failed(emitSeparate(structure.separate)))
    return failure();
  setCounts();
  return success();
}

/// What the kernel counts to, so that the runtime can refuse what its indices cannot
/// hold. An extent that is computed is left out of its product: the others then say less
/// than they could, but nothing wrong.
void KernelEmitter::setCounts() {
  SmallVector<Attribute> counts;
  for (const SmallVector<Value> &extents : e.getCountedSpaces()) {
    SmallVector<int64_t> row;
    for (Value extent : extents)
      if (std::optional<int64_t> encoded = encode(extent))
        row.push_back(*encoded);
    // One extent is an operand's, which the runtime compares anyway.
    bool isOpen = llvm::any_of(row, [](int64_t extent) { return extent < 0; });
    if (isOpen && row.size() > 1)
      counts.push_back(b.getDenseI64ArrayAttr(row));
  }
  if (!counts.empty())
    function->setAttr("torsh.counts", b.getArrayAttr(counts));
}

FailureOr<SmallVector<Value>> KernelEmitter::forBlock(Value count, ElementEmitter::LoopBody body) {
  return e.forLoop(block, count, blocks, {}, body);
}

std::optional<int64_t> KernelEmitter::encode(Value extent) {
  if (std::optional<int64_t> known = getConstantIntValue(extent))
    return known;
  auto argument = dyn_cast<BlockArgument>(extent);
  if (!argument || argument.getOwner() != &function.getBody().front())
    return std::nullopt;
  return -1 - (static_cast<int64_t>(argument.getArgNumber()) - kernel.getNumArguments());
}

void KernelEmitter::setGrid(ArrayRef<GridFactor> factors) {
  SmallVector<Attribute> grid;
  for (const GridFactor &factor : factors) {
    SmallVector<int64_t> row{factor.per};
    for (Value extent : factor.extents) {
      std::optional<int64_t> encoded = encode(extent);
      if (!encoded) {
        row = {1, kUnknownGrid};
        break;
      }
      row.push_back(*encoded);
    }
    grid.push_back(b.getDenseI64ArrayAttr(row));
  }
  function->setAttr("torsh.grid", b.getArrayAttr(grid));
}
