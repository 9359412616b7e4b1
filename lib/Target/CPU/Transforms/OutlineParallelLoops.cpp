// SPDX-License-Identifier: Apache-2.0
// Moves each scf.forall into a function that the runtime calls for chunks of its
// iterations.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Target/CPU/IR/CPUDialect.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_OUTLINEPARALLELLOOPSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Whether a captured value is computed again in the task instead of passed to
/// it: views and index arithmetic, so that only pointers and numbers are passed.
static bool isRecomputed(Operation *op) {
  return op && op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
         (isa<memref::ReinterpretCastOp, memref::CastOp, memref::SubViewOp, memref::ExpandShapeOp,
              memref::CollapseShapeOp, memref::ExtractStridedMetadataOp, memref::DimOp,
              memref::GetGlobalOp>(op) ||
          isa<arith::ArithDialect>(op->getDialect()) ||
          op->getDialect()->getNamespace() == "affine");
}

namespace {

class OutlineParallelLoopsPass
    : public torsh::impl::OutlineParallelLoopsPassBase<OutlineParallelLoopsPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (isKernel(function))
        kernels.push_back(function);
    for (func::FuncOp kernel : kernels) {
      SmallVector<scf::ForallOp> loops;
      kernel.walk([&](scf::ForallOp loop) { loops.push_back(loop); });
      for (auto [number, loop] : llvm::enumerate(loops))
        outline(kernel, loop, number);
    }
  }

  /// Copies the definition of `value` into the task, down to what is passed.
  void recompute(Value value, OpBuilder &builder, IRMapping &mapping,
                 llvm::SetVector<Value> &passed, bool build) {
    if (mapping.contains(value))
      return;
    Operation *op = value.getDefiningOp();
    if (!isRecomputed(op)) {
      passed.insert(value);
      return;
    }
    for (Value operand : op->getOperands())
      recompute(operand, builder, mapping, passed, build);
    if (build)
      builder.clone(*op, mapping);
  }

  void outline(func::FuncOp kernel, scf::ForallOp loop, size_t number) {
    Location loc = loop.getLoc();
    OpBuilder builder(loop);
    Value worker = kernel.getArguments().back();

    // How many iterations there are, in all and per loop.
    SmallVector<Value> counts;
    Value total = arith::ConstantIndexOp::create(builder, loc, 1);
    for (auto [lower, upper, step] : llvm::zip_equal(
             loop.getMixedLowerBound(), loop.getMixedUpperBound(), loop.getMixedStep())) {
      auto value = [&](OpFoldResult x) { return getValueOrCreateConstantIndexOp(builder, loc, x); };
      Value range = arith::SubIOp::create(builder, loc, value(upper), value(lower));
      Value rounded = arith::AddIOp::create(
          builder, loc, range,
          arith::SubIOp::create(builder, loc, value(step),
                                arith::ConstantIndexOp::create(builder, loc, 1)));
      counts.push_back(arith::DivUIOp::create(builder, loc, rounded, value(step)));
      total = arith::MulIOp::create(builder, loc, total, counts.back());
    }

    // What the body needs from outside.
    llvm::SetVector<Value> captured, passed;
    getUsedValuesDefinedAbove(loop.getRegion(), captured);
    for (Value count : counts)
      captured.insert(count);
    for (OpFoldResult x :
         llvm::concat<OpFoldResult>(loop.getMixedLowerBound(), loop.getMixedStep()))
      if (auto value = dyn_cast<Value>(x))
        captured.insert(value);
    captured.remove(worker);
    {
      IRMapping none;
      for (Value value : captured)
        recompute(value, builder, none, passed, /*build=*/false);
    }
    passed.remove(worker);

    SmallVector<Type> types;
    for (Value value : passed)
      types.push_back(value.getType());
    types.append({builder.getIndexType(), builder.getIndexType(), worker.getType()});
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfter(kernel);
    std::string name = (kernel.getSymName() + ".parallel_" + Twine(number)).str();
    auto task = func::FuncOp::create(builder, loc, name, builder.getFunctionType(types, {}));
    task.setPrivate();
    task->setAttr("torsh.task", builder.getUnitAttr());
    for (auto [i, type] : llvm::enumerate(types))
      if (isa<MemRefType>(type))
        task.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
    Block *entry = task.addEntryBlock();
    builder.setInsertionPointToStart(entry);

    IRMapping mapping;
    for (auto [value, argument] : llvm::zip(passed, entry->getArguments()))
      mapping.map(value, argument);
    mapping.map(worker, entry->getArguments().back());
    llvm::SetVector<Value> ignored;
    for (Value value : captured)
      recompute(value, builder, mapping, ignored, /*build=*/true);

    // Buffers whose extents do not depend on the iteration serve all of a chunk.
    Block *body = loop.getBody();
    SmallVector<Operation *> hoisted;
    for (Operation &op : body->without_terminator()) {
      bool isBuffer = isa<memref::AllocaOp, torsh::cpu::ScratchOp>(op);
      bool isInvariant =
          llvm::all_of(op.getOperands(), [&](Value operand) { return mapping.contains(operand); });
      if (isInvariant && (isBuffer || isRecomputed(&op))) {
        builder.clone(op, mapping);
        hoisted.push_back(&op);
      }
    }

    Value begin = entry->getArgument(passed.size()), end = entry->getArgument(passed.size() + 1);
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    auto chunk = scf::ForOp::create(builder, loc, begin, end, one);
    builder.setInsertionPointToStart(chunk.getBody());
    Value index = chunk.getInductionVar();
    SmallVector<Value> positions(counts.size());
    for (size_t i = counts.size(); i-- > 0;) {
      Value own = index;
      if (i) {
        Value count = mapping.lookup(counts[i]);
        own = arith::RemUIOp::create(builder, loc, index, count);
        index = arith::DivUIOp::create(builder, loc, index, count);
      }
      positions[i] = own;
    }
    for (auto [i, induction] : llvm::enumerate(loop.getInductionVars())) {
      auto inTask = [&](OpFoldResult x) -> Value {
        if (auto value = dyn_cast<Value>(x))
          return mapping.lookup(value);
        return getValueOrCreateConstantIndexOp(builder, loc, x);
      };
      Value offset =
          arith::MulIOp::create(builder, loc, positions[i], inTask(loop.getMixedStep()[i]));
      mapping.map(induction, arith::AddIOp::create(builder, loc, offset,
                                                   inTask(loop.getMixedLowerBound()[i])));
    }
    for (Operation &op : body->without_terminator())
      if (!llvm::is_contained(hoisted, &op))
        builder.clone(op, mapping);
    builder.setInsertionPointToEnd(entry);
    auto schedule = kernel->getAttrOfType<ScheduleAttr>("torsh.schedule");
    // Non-temporal stores are not ordered before the store that tells of the task's end.
    if (schedule && schedule.getBlock().size() == 1)
      LLVM::FenceOp::create(builder, loc, LLVM::AtomicOrdering::seq_cst, /*syncscope=*/"");
    func::ReturnOp::create(builder, loc);

    int64_t grain = schedule ? schedule.getGrain() : 1;
    builder.setInsertionPoint(loop);
    torsh::cpu::ParallelForOp::create(builder, loc, name, total, worker, passed.getArrayRef(),
                                      grain);
    loop.erase();
  }
};

} // namespace
