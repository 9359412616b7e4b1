// SPDX-License-Identifier: Apache-2.0
// Has loops whose elements are long chains of dependent operations work on several vectors at a
// time.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_INTERLEAVELOOPSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

/// Operations of an element below which the processor itself finds those of the next vectors
/// while some wait: about as many as its schedulers hold.
static constexpr int64_t kShortBody = 64;
/// Vectors beyond which their values leave the registers.
static constexpr int64_t kMostVectors = 4;
/// Repetitions from which on a remainder, which is computed in narrower vectors, costs less than
/// waiting.
static constexpr int64_t kManySteps = 4;

/// Cycles from an operation's operands to its result.
static int64_t latencyOf(Operation *op) {
  if (isa<arith::DivFOp, arith::RemFOp, math::SqrtOp>(op))
    return 14;
  if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, math::FmaOp, arith::SIToFPOp,
          arith::FPToSIOp, math::FloorOp, math::RoundEvenOp, memref::LoadOp>(op))
    return 4;
  return 1;
}

/// Cycles in which nothing else can start in the operation's place.
static int64_t cyclesOf(Operation *op) {
  return isa<arith::DivFOp, arith::RemFOp, math::SqrtOp>(op) ? 8 : 1;
}

namespace {

class InterleaveLoopsPass : public torsh::impl::InterleaveLoopsPassBase<InterleaveLoopsPass> {
public:
  using InterleaveLoopsPassBase::InterleaveLoopsPassBase;

private:
  void runOnOperation() override {
    getOperation().walk([&](scf::ForOp loop) {
      int64_t count = vectorsOf(loop);
      if (count < 2)
        return;
      Builder b(&getContext());
      auto interleave =
          LLVM::LoopInterleaveAttr::get(&getContext(), b.getI32IntegerAttr(int32_t(count)));
      loop->setAttr("llvm.loop_annotation",
                    LLVM::LoopAnnotationAttr::get(&getContext(), {}, {}, interleave, {}, {}, {}, {},
                                                  {}, {}, {}, {}, {}, {}, {}, {}));
    });
  }

  /// How many vectors the loop should compute side by side.
  int64_t vectorsOf(scf::ForOp loop) {
    if (loop.getNumResults())
      return 1;
    llvm::DenseMap<Value, int64_t> ready;
    int64_t operations = 0, cycles = 0, last = 0, elementBits = 8;
    for (Operation &op : loop.getBody()->without_terminator()) {
      if (op.getNumRegions() || llvm::any_of(op.getResultTypes(), llvm::IsaPred<VectorType>))
        return 1;
      int64_t start = 0;
      for (Value operand : op.getOperands())
        start = std::max(start, ready.lookup(operand));
      if (op.getNumResults() == 0)
        continue;
      Type type = op.getResult(0).getType();
      if (type.isIndex() || op.hasTrait<OpTrait::ConstantLike>())
        continue;
      if (type.isIntOrFloat())
        elementBits = std::max<int64_t>(elementBits, type.getIntOrFloatBitWidth());
      ++operations;
      cycles += cyclesOf(&op);
      ready[op.getResult(0)] = start + latencyOf(&op);
      last = std::max(last, start + latencyOf(&op));
    }
    if (operations < kShortBody)
      return 1;
    int64_t lanes = std::max<int64_t>(vectorBits / elementBits, 1);
    // Twice as many as would fill the units if they were filled evenly.
    int64_t needed = llvm::divideCeil(2 * last, std::max<int64_t>(cycles, 1));
    int64_t count = std::min<int64_t>(llvm::PowerOf2Ceil(needed), kMostVectors);
    std::optional<APInt> trips = loop.getStaticTripCount();
    while (count > 1 && trips && trips->getSExtValue() % (count * lanes) &&
           trips->getSExtValue() < kManySteps * count * lanes)
      count /= 2;
    return count;
  }
};

} // namespace
