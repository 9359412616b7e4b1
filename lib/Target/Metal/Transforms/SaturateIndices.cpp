// SPDX-License-Identifier: Apache-2.0
// Keeps positions out of range that an index of 32 bits would bring back into it.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Matchers.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"
#include <limits>

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_SATURATEINDICESPASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

class SaturateIndicesPass : public torsh::impl::SaturateIndicesPassBase<SaturateIndicesPass> {
  void runOnOperation() override {
    getOperation().walk([](arith::IndexCastOp op) { saturate(op); });
    getOperation().walk([](arith::IndexCastUIOp op) { saturate(op); });
  }

  // Pattern: index_cast(x) -> index_cast(min(max(x, -2^31), 2^31 - 1)) [if x is an i64]
  // Pattern: index_castui(x) -> index_castui(min(x, 2^31 - 1)) [if x is an i32 or an i64]
  template <typename OpTy> static void saturate(OpTy op) {
    constexpr bool isSigned = std::is_same_v<OpTy, arith::IndexCastOp>;
    Value x = op.getIn();
    auto type = dyn_cast<IntegerType>(x.getType());
    if (!type || type.getWidth() < (isSigned ? 64 : 32) || matchPattern(x, m_Constant()))
      return;
    // What was widened from a signed integer of 32 bits is in range.
    if (isa_and_nonnull<arith::ExtSIOp>(x.getDefiningOp()))
      return;
    OpBuilder b(op);
    Location loc = op.getLoc();
    auto bound = [&](int32_t value) {
      return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, value));
    };
    Value most = bound(std::numeric_limits<int32_t>::max());
    if constexpr (isSigned) {
      x = arith::MaxSIOp::create(b, loc, x, bound(std::numeric_limits<int32_t>::min()));
      x = arith::MinSIOp::create(b, loc, x, most);
    } else {
      x = arith::MinUIOp::create(b, loc, x, most);
    }
    op.getInMutable().assign(x);
  }
};

} // namespace
