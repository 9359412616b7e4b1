// SPDX-License-Identifier: Apache-2.0
// Small products of great depth become several products and their sum.

#include "FusionGraph.h"
#include "FusionRules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "torshjit/Dialect/Torsh/IR/TorshBuilders.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"

namespace mlir::torsh {
#define GEN_PASS_DEF_SPLITDEPTHPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// Rows and columns up to which a product streams its wide operand, and has threads enough.
static constexpr int64_t kFew = 16;
/// Elements of a result that are tiles for some threads, but not for many.
static constexpr int64_t kMostResults = 256 * 128;
/// Depth from which on a part of it is worth a product, and how much more than rows and columns.
static constexpr int64_t kLeastDepth = 8192, kLeastRatio = 32;
static constexpr int64_t kFewestParts = 4, kMostParts = 16;

/// The matrix of which `value` is the transpose, or null.
static Value transposed(Value value) {
  auto permute = value.getDefiningOp<PermuteOp>();
  return permute && permute.getPermutation() == ArrayRef<int64_t>{1, 0} ? permute.getInput()
                                                                        : Value();
}

/// Legality and profit: how many equal parts the depth is cut into, 0 where it is not. It depends
/// on the extents alone, so that the result is the same on every machine.
static int64_t countParts(MatmulOp product) {
  RankedTensorType rows = tensorTypeOf(product.getLhs()), columns = tensorTypeOf(product.getRhs());
  // Partial sums of narrower types would be rounded, and those of integers need no care.
  Type element = tensorTypeOf(product.getResult()).getElementType();
  if ((!element.isF32() && !element.isF64()) || rows.getRank() != 2 || columns.getRank() != 2 ||
      !rows.hasStaticShape() || !columns.hasStaticShape())
    return 0;
  int64_t m = rows.getDimSize(0), n = columns.getDimSize(1), depth = rows.getDimSize(1);
  if (std::min(m, n) <= kFew || m * n > kMostResults || depth < kLeastDepth ||
      depth < kLeastRatio * std::max(m, n))
    return 0;
  // Fixed operands are packed whole, and columns along the depth are read where they lie.
  if (isFixed(product.getLhs()) || isFixed(product.getRhs()) || transposed(product.getRhs()))
    return 0;
  for (int64_t parts = kMostParts; parts >= kFewestParts; --parts)
    if (depth % parts == 0)
      return parts;
  return 0;
}

static void split(MatmulOp product, int64_t parts) {
  OpBuilder b(product);
  Location loc = product.getLoc();
  GraphBuilder graph(b, loc);
  int64_t m = tensorTypeOf(product.getLhs()).getDimSize(0);
  int64_t depth = tensorTypeOf(product.getLhs()).getDimSize(1) / parts;
  int64_t n = tensorTypeOf(product.getRhs()).getDimSize(1);
  Value rows = transposed(product.getLhs());
  rows = rows ? PermuteOp::create(b, loc, graph.reshape(rows, {parts, depth, m}),
                                  ArrayRef<int64_t>{0, 2, 1})
                    .getResult()
              : PermuteOp::create(b, loc, graph.reshape(product.getLhs(), {m, parts, depth}),
                                  ArrayRef<int64_t>{1, 0, 2})
                    .getResult();
  Value columns = graph.reshape(product.getRhs(), {parts, depth, n});
  Value sums = MatmulOp::create(b, loc, rows, columns, product.getDtypeAttr());
  product.getResult().replaceAllUsesWith(graph.sum(sums, {0}, /*keepdims=*/false));
  product.erase();
}

namespace {
class SplitDepthPass : public torsh::impl::SplitDepthPassBase<SplitDepthPass> {
public:
  using SplitDepthPassBase::SplitDepthPassBase;

  void runOnOperation() override {
    if (!foldsMovements(strategy))
      return; // The parts would be copied.
    SmallVector<MatmulOp> products;
    getOperation().walk([&](MatmulOp product) { products.push_back(product); });
    for (MatmulOp product : products)
      if (int64_t parts = countParts(product)) {
        split(product, parts);
        ++numSplit;
      }
  }
};
} // namespace
