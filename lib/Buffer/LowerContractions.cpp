// SPDX-License-Identifier: Apache-2.0
// Lowers contractions to packed panels and a register-tiled loop.

#include "AttentionLowering.h"
#include "ContractionLowering.h"
#include "DirectConvolution.h"
#include "GroupedConvolution.h"
#include "SkinnyContraction.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/Buffer/Passes.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERCONTRACTIONSPASS
#include "torshjit/Buffer/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

class LowerContractionsPass : public torsh::impl::LowerContractionsPassBase<LowerContractionsPass> {
  void getDependentDialects(DialectRegistry &registry) const override {
    LowerContractionsPassBase::getDependentDialects(registry);
    registry.insert<affine::AffineDialect>(); // strides of '?' extents
  }

  void lowerPacked(linalg::GenericOp op, ScheduleAttr schedule) {
    OpBuilder builder(op);
    ContractionLowering lowering(op, builder, schedule);
    if (succeeded(lowering.classify()) && failed(lowering.emit()))
      signalPassFailure();
  }

  /// Panels are packed as the contractions that read them would.
  static void lowerPacking(PackPanelsOp op) {
    OpBuilder builder(op);
    PanelLayout layout = op.getLayout();
    MemRefType type = op.getSource().getType();
    PanelOperand operand(builder, op.getLoc());
    operand.access = *LinearAccess::create(builder, op.getLoc(), op.getSource(),
                                           builder.getMultiDimIdentityMap(type.getRank()));
    for (auto [axes, group] :
         {std::pair(&layout.rows, &operand.group), std::pair(&layout.depth, &operand.depth)})
      for (int64_t axis : *axes) {
        group->loops.push_back(axis);
        group->extents.push_back(builder.getIndexAttr(type.getDimSize(axis)));
      }
    operand.element = op.getPanels().getType().getElementType();
    operand.isUnsigned = layout.withoutSign;
    operand.step = layout.step;
    operand.flipsSign = layout.flips;
    operand.sumsFactor = layout.sums;
    operand.packing = Packing::PerKernel;
    operand.width = layout.width;
    operand.depthBlock = layout.block;
    operand.batchOffset = operand.constant(0);
    operand.count();
    operand.kernelPanels = operand.panels;
    operand.packed = op.getPanels();
    operand.packAll();
    op.erase();
  }

  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    auto schedule = getOperation()->getAttrOfType<ScheduleAttr>("torsh.schedule");
    SmallVector<StreamedAttentionOp> attentions;
    getOperation().walk([&](StreamedAttentionOp op) { attentions.push_back(op); });
    for (StreamedAttentionOp op : attentions) {
      OpBuilder builder(op);
      AttentionLowering(op, builder, schedule).emit();
    }
    SmallVector<PackPanelsOp> packings;
    getOperation().walk([&](PackPanelsOp op) { packings.push_back(op); });
    for (PackPanelsOp op : packings)
      lowerPacking(op);
    SmallVector<linalg::GenericOp> contractions;
    getOperation().walk([&](linalg::GenericOp op) {
      if (isContraction(op) || GroupedConvolution::isPool(op))
        contractions.push_back(op);
    });
    for (linalg::GenericOp op : contractions) {
      OpBuilder builder(op);
      if (GroupedConvolution grouped(op, builder, schedule); succeeded(grouped.classify())) {
        grouped.emit();
        continue;
      }
      if (!isContraction(op))
        continue;
      if (DirectConvolution direct(op, builder, schedule); succeeded(direct.classify())) {
        if (failed(direct.emit()))
          signalPassFailure();
        continue;
      }
      if (SkinnyContraction skinny(op, builder, schedule); succeeded(skinny.classify())) {
        bool isEither = skinny.hasUnknownRows();
        skinny.emit([&] { lowerPacked(op, schedule); });
        if (!isEither)
          op.erase();
        continue;
      }
      lowerPacked(op, schedule);
    }
  }
};

} // namespace
