// SPDX-License-Identifier: Apache-2.0
// Batch norms behind a convolution or a linear layer of fixed weights go into these.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "torshjit/Dialect/Torsh/IR/TorshBuilders.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h"

namespace mlir::torsh {
#define GEN_PASS_DEF_FOLDBATCHNORMSPASS
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// Whether every given value (null: absent) is fixed.
static bool areFixed(std::initializer_list<Value> values) {
  return llvm::all_of(values, [](Value value) { return !value || isFixed(value); });
}

/// Narrow floats would round the scaled weights, where the product is summed in f32.
static bool isWide(Value value) {
  Type type = cast<RankedTensorType>(value.getType()).getElementType();
  return type.isF32() || type.isF64();
}

/// Whether axis 1 of what `layer` computes is that of its outputs, and nothing else uses it.
template <typename Op> static bool canFold(BatchNormOp norm, Op layer) {
  if (!layer->hasOneUse() || layer.getDtype())
    return false;
  return !isa<LinearOp>(layer.getOperation()) ||
         cast<RankedTensorType>(norm.getInput().getType()).getRank() == 2;
}

// Pattern: batch_norm(conv(x, w) + b) -> conv(x, w * scale) + ((b - mean) * scale + bias) [if all
// but x are fixed]
template <typename Op> static void fold(BatchNormOp norm, Op layer, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(layer);
  GraphBuilder f(rewriter, norm.getLoc());
  Value scale = f.rsqrt(
      f.add(norm.getVariance(), f.scalarLike(norm.getVariance(), norm.getEps().convertToDouble())));
  if (norm.getWeight())
    scale = f.mul(norm.getWeight(), scale);
  Value shift = layer.getBias() ? f.mul(f.sub(layer.getBias(), norm.getMean()), scale)
                                : f.neg(f.mul(norm.getMean(), scale));
  if (norm.getBias())
    shift = f.add(shift, norm.getBias());
  auto type = cast<RankedTensorType>(layer.getWeight().getType());
  SmallVector<int64_t> column(type.getRank(), 1);
  column.front() = type.getDimSize(0);
  Value weight = f.mul(layer.getWeight(), f.reshape(scale, column));
  rewriter.modifyOpInPlace(layer, [&] {
    layer.getWeightMutable().assign(weight);
    layer.getBiasMutable().assign(shift);
  });
  rewriter.replaceOp(norm, layer.getResult());
}

namespace {
class FoldBatchNormsPass : public torsh::impl::FoldBatchNormsPassBase<FoldBatchNormsPass> {
  void runOnOperation() override {
    SmallVector<BatchNormOp> norms;
    getOperation()->walk([&](BatchNormOp norm) { norms.push_back(norm); });
    IRRewriter rewriter(&getContext());
    for (BatchNormOp norm : norms) {
      if (!isWide(norm.getInput()) ||
          !areFixed({norm.getMean(), norm.getVariance(), norm.getWeight(), norm.getBias()}))
        continue;
      auto tryLayer = [&](auto layer) {
        if (!layer || !canFold(norm, layer) || !areFixed({layer.getWeight(), layer.getBias()}) ||
            !comesBefore(norm, layer))
          return false;
        fold(norm, layer, rewriter);
        ++numFolded;
        return true;
      };
      tryLayer(norm.getInput().getDefiningOp<ConvOp>()) ||
          tryLayer(norm.getInput().getDefiningOp<LinearOp>());
    }
  }

  /// Whether all operands of the norm but the layer's result are there before the layer.
  static bool comesBefore(BatchNormOp norm, Operation *layer) {
    return llvm::all_of(norm->getOperands().drop_front(), [&](Value value) {
      Operation *producer = value.getDefiningOp();
      return !producer ||
             (producer->getBlock() == layer->getBlock() && producer->isBeforeInBlock(layer));
    });
  }
};
} // namespace
