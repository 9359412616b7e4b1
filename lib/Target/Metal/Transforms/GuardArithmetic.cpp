// SPDX-License-Identifier: Apache-2.0
// Writes arithmetic so that drivers which simplify it wrongly cannot.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Matchers.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_GUARDARITHMETICPASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

/// Whether a comparison holds for numbers that are all below (or above) the other side.
bool holdsBelow(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  return predicate == P::slt || predicate == P::sle || predicate == P::ult || predicate == P::ule ||
         predicate == P::ne;
}

bool holdsAbove(arith::CmpIPredicate predicate) {
  using P = arith::CmpIPredicate;
  return predicate == P::sgt || predicate == P::sge || predicate == P::ugt || predicate == P::uge ||
         predicate == P::ne;
}

class GuardArithmeticPass : public torsh::impl::GuardArithmeticPassBase<GuardArithmeticPass> {
  void runOnOperation() override {
    getOperation().walk([&](gpu::GPUFuncOp function) {
      zeros.clear();
      function.walk([&](arith::CmpIOp op) { narrow(op); });
      function.walk([&](Operation *op) {
        if (isa<arith::MulFOp, arith::AddFOp, arith::SubFOp>(op))
          for (OpOperand &operand : op->getOpOperands())
            hideZero(operand, function);
      });
    });
  }

  // Pattern: cmpi(ext(x), c) -> cmpi(x, c), in the type of x
  static void narrow(arith::CmpIOp op) {
    arith::CmpIPredicate predicate = op.getPredicate();
    Value wide = op.getLhs(), other = op.getRhs();
    if (matchPattern(wide, m_Constant())) {
      std::swap(wide, other);
      predicate = swapped(predicate);
    }
    Operation *extension = wide.getDefiningOp();
    APInt constant;
    if (!isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp>(extension) ||
        !matchPattern(other, m_ConstantInt(&constant)))
      return;
    bool isSigned = isa<arith::ExtSIOp>(extension);
    Value source = extension->getOperand(0);
    auto type = dyn_cast<IntegerType>(source.getType());
    if (!type || type.getWidth() == 1)
      return;
    // Numbers extended by sign keep their order under a comparison without sign only
    // among those of one sign: left as it is.
    bool comparesSigns =
        arith::CmpIPredicate::slt <= predicate && predicate <= arith::CmpIPredicate::sge;
    bool isEquality =
        predicate == arith::CmpIPredicate::eq || predicate == arith::CmpIPredicate::ne;
    if (isSigned && !comparesSigns && !isEquality)
      return;
    OpBuilder b(op);
    unsigned width = type.getWidth();
    APInt least = isSigned ? APInt::getSignedMinValue(width).sext(constant.getBitWidth())
                           : APInt::getZero(constant.getBitWidth());
    APInt most = isSigned ? APInt::getSignedMaxValue(width).sext(constant.getBitWidth())
                          : APInt::getMaxValue(width).zext(constant.getBitWidth());
    bool asSigned = isSigned || comparesSigns;
    bool isAbove = asSigned ? constant.sgt(most) : constant.ugt(most);
    bool isBelow = asSigned ? constant.slt(least) : constant.ult(least);
    Value result;
    if (isAbove || isBelow) {
      bool holds = isAbove ? holdsBelow(predicate) : holdsAbove(predicate);
      result = arith::ConstantOp::create(b, op.getLoc(), b.getBoolAttr(holds));
    } else {
      Value narrowed =
          arith::ConstantOp::create(b, op.getLoc(), b.getIntegerAttr(type, constant.trunc(width)));
      result = arith::CmpIOp::create(b, op.getLoc(), isSigned ? predicate : withoutSign(predicate),
                                     source, narrowed);
    }
    op.replaceAllUsesWith(result);
    op.erase();
  }

  static arith::CmpIPredicate swapped(arith::CmpIPredicate predicate) {
    using P = arith::CmpIPredicate;
    switch (predicate) {
    case P::slt:
      return P::sgt;
    case P::sle:
      return P::sge;
    case P::sgt:
      return P::slt;
    case P::sge:
      return P::sle;
    case P::ult:
      return P::ugt;
    case P::ule:
      return P::uge;
    case P::ugt:
      return P::ult;
    case P::uge:
      return P::ule;
    default:
      return predicate;
    }
  }

  static arith::CmpIPredicate withoutSign(arith::CmpIPredicate predicate) {
    using P = arith::CmpIPredicate;
    switch (predicate) {
    case P::slt:
      return P::ult;
    case P::sle:
      return P::ule;
    case P::sgt:
      return P::ugt;
    case P::sge:
      return P::uge;
    default:
      return predicate;
    }
  }

  // Pattern: x * 0 -> x * z, where z is a zero that no compiler knows to be one
  void hideZero(OpOperand &operand, gpu::GPUFuncOp function) {
    FloatAttr constant;
    if (!matchPattern(operand.get(), m_Constant(&constant)) || !constant.getValue().isZero())
      return;
    Value &known = zeros[constant];
    if (!known) {
      OpBuilder b = OpBuilder::atBlockBegin(&function.getBody().front());
      Location loc = function.getLoc();
      // There is no grid without a block, but only the launch says so.
      Value blocks = gpu::GridDimOp::create(b, loc, gpu::Dimension::x);
      Value none = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, blocks,
                                         arith::ConstantIndexOp::create(b, loc, 0));
      Value one = arith::ConstantOp::create(b, loc, b.getFloatAttr(constant.getType(), 1.0));
      Value zero = arith::ConstantOp::create(b, loc, constant);
      known = arith::SelectOp::create(b, loc, none, one, zero);
    }
    operand.set(known);
  }

  llvm::MapVector<Attribute, Value> zeros;
};

} // namespace
