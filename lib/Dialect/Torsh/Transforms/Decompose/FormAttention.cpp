// SPDX-License-Identifier: Apache-2.0
// Recognises attention that a program spells out, and lets it read and write by strides.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "torshjit/Dialect/Torsh/Transforms/Decompose/Passes.h"

#define DEBUG_TYPE "torsh-form-attention"

namespace mlir::torsh {
#define GEN_PASS_DEF_FORMATTENTIONPASS
#include "torshjit/Dialect/Torsh/Transforms/Decompose/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

static RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The one number of which `value` is a constant splat.
static std::optional<double> splatOf(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat() ||
      !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  APFloat number = elements.getSplatValue<APFloat>();
  bool losesInfo = false;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

/// Whether `value` is the position along its axis `axis`, counted from the last one.
static bool isPosition(Value value, int64_t fromLast) {
  auto iota = value.getDefiningOp<IotaOp>();
  if (!iota)
    return false;
  auto type = tensorType(value);
  int64_t own = type.getRank() - fromLast;
  if (static_cast<int64_t>(iota.getAxis()) != own)
    return false;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (axis != own && type.getDimSize(axis) != 1)
      return false;
  return true;
}

/// Whether `condition` is true where a query, by the last axis but one, is not before a key.
static bool isCausal(Value condition, RankedTensorType scores) {
  if (auto compare = condition.getDefiningOp<CompareOp>()) {
    if (compare.getPredicate() == ComparePredicate::ge)
      return isPosition(compare.getLhs(), 2) && isPosition(compare.getRhs(), 1);
    if (compare.getPredicate() == ComparePredicate::le)
      return isPosition(compare.getLhs(), 1) && isPosition(compare.getRhs(), 2);
    return false;
  }
  DenseElementsAttr elements;
  auto type = tensorType(condition);
  int64_t rank = type.getRank();
  if (!matchPattern(condition, m_Constant(&elements)) || rank < 2)
    return false;
  int64_t rows = type.getDimSize(rank - 2), columns = type.getDimSize(rank - 1);
  if (elements.getNumElements() != rows * columns ||
      ArrayRef({rows, columns}) != scores.getShape().take_back(2))
    return false;
  int64_t number = 0;
  for (bool isSeen : elements.getValues<bool>()) {
    if (isSeen != (number / columns >= number % columns))
      return false;
    ++number;
  }
  return true;
}

namespace {

/// What a program that spells attention out says of it.
struct Found {
  Value query, key, value, mask;
  bool keyIsTransposed = true;
  double scale = 1.0;
  bool causal = false;
  std::optional<double> hidden;
};

/// The scores of which `weights` is a softmax along the last axis, or null.
Value scoresOf(Value weights) {
  int64_t last = tensorType(weights).getRank() - 1;
  if (auto softmax = weights.getDefiningOp<SoftmaxOp>())
    return static_cast<int64_t>(softmax.getAxis()) == last ? softmax.getInput() : Value();
  // exp(x - max x) / sum(exp(x - max x))
  auto alongLast = [&](auto reduction) {
    return reduction && reduction.getKeepdims() && reduction.getAxes() == ArrayRef<int64_t>{last} &&
           reduction->hasOneUse();
  };
  auto div = weights.getDefiningOp<DivOp>();
  auto exp = div ? div.getLhs().getDefiningOp<ExpOp>() : ExpOp();
  auto sum = div ? div.getRhs().getDefiningOp<SumOp>() : SumOp();
  if (!exp || !alongLast(sum) || sum.getInput() != exp.getResult() ||
      !exp->getResult(0).hasNUses(2))
    return {};
  auto sub = exp->getOperand(0).getDefiningOp<SubOp>();
  auto amax = sub ? sub.getRhs().getDefiningOp<AmaxOp>() : AmaxOp();
  if (!sub || !sub->hasOneUse() || !alongLast(amax) || amax.getInput() != sub.getLhs() ||
      !sub.getLhs().hasNUses(2))
    return {};
  return sub.getLhs();
}

/// Reads the operations from the scores down to the product, outermost first: an optional
/// causal choice, an optional mask, scales, the product.
bool readScores(Value scores, Found &found) {
  RankedTensorType type = tensorType(scores);
  bool isFirst = true;
  bool isScaled = false;
  for (;; isFirst = false) {
    Operation *op = scores.getDefiningOp();
    // The softmax's uses of the scores have been counted.
    if (!op || (!isFirst && !scores.hasOneUse()) || tensorType(scores) != type)
      return false;
    if (auto select = dyn_cast<SelectOp>(op)) {
      std::optional<double> hidden = splatOf(select.getOnFalse());
      if (isScaled || found.mask || !hidden || (found.hidden && *found.hidden != *hidden))
        return false;
      found.hidden = hidden;
      if (!found.causal && isCausal(select.getCondition(), type))
        found.causal = true;
      else
        found.mask = select.getCondition();
      scores = select.getOnTrue();
    } else if (auto add = dyn_cast<AddOp>(op)) {
      if (isScaled || found.mask)
        return false;
      bool isLeft =
          isa_and_present<MatmulOp, LinearOp, MulOp, DivOp>(add.getLhs().getDefiningOp()) &&
          tensorType(add.getLhs()) == type;
      found.mask = isLeft ? add.getRhs() : add.getLhs();
      scores = isLeft ? add.getLhs() : add.getRhs();
    } else if (isa<MulOp, DivOp>(op)) {
      bool isDiv = isa<DivOp>(op);
      std::optional<double> factor = splatOf(op->getOperand(1));
      scores = op->getOperand(0);
      if (!factor && !isDiv) {
        factor = splatOf(op->getOperand(0));
        scores = op->getOperand(1);
      }
      if (!factor)
        return false;
      found.scale = isDiv ? found.scale / *factor : found.scale * *factor;
      isScaled = true;
    } else if (auto matmul = dyn_cast<MatmulOp>(op)) {
      found.query = matmul.getLhs();
      found.key = matmul.getRhs();
      return true;
    } else if (auto linear = dyn_cast<LinearOp>(op)) {
      found.query = linear.getInput();
      found.key = linear.getWeight();
      found.keyIsTransposed = false;
      return !linear.getBias();
    } else {
      return false;
    }
  }
}

// Pattern: matmul(softmax(mask(scale * matmul(q, permute(k)))), v) -> attention(q, k, v)
//          [if the scores have no other use, and are f32 or f64]
struct FormAttention : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    RankedTensorType type = tensorType(op.getLhs());
    int64_t rank = type.getRank();
    // Narrower scores are rounded on the way.
    if (!type.getElementType().isF32() && !type.getElementType().isF64())
      return rewriter.notifyMatchFailure(op, "the scores are neither f32 nor f64");
    if (!op.getLhs().hasOneUse())
      return rewriter.notifyMatchFailure(op, "the first operand has other uses");
    Value scores = scoresOf(op.getLhs());
    if (!scores || (isa_and_present<SoftmaxOp>(op.getLhs().getDefiningOp()) && !scores.hasOneUse()))
      return rewriter.notifyMatchFailure(op, "the first operand is no softmax of this use alone");
    Found found;
    found.value = op.getRhs();
    if (!readScores(scores, found))
      return rewriter.notifyMatchFailure(op, "the scores are no scaled product of two tensors");
    for (Value operand : {found.query, found.key, found.value})
      if (tensorType(operand).getRank() != rank)
        return rewriter.notifyMatchFailure(op, "operands of other ranks");
    if (found.mask && tensorType(found.mask).getRank() > rank)
      return rewriter.notifyMatchFailure(op, "the mask has another rank");
    SmallVector<int64_t> keyAxes = llvm::to_vector(llvm::seq<int64_t>(rank));
    if (found.keyIsTransposed)
      std::swap(keyAxes[rank - 1], keyAxes[rank - 2]);
    AttentionOp::Properties properties;
    properties.scale = rewriter.getF64FloatAttr(found.scale);
    properties.causal = rewriter.getBoolAttr(found.causal);
    properties.zero_masked_rows = rewriter.getBoolAttr(false);
    if (found.hidden && !(std::isinf(*found.hidden) && *found.hidden < 0))
      properties.masked_score = rewriter.getF64FloatAttr(*found.hidden);
    properties.key_axes = rewriter.getDenseI64ArrayAttr(keyAxes);
    SmallVector<Value> operands{found.query, found.key, found.value};
    if (found.mask)
      operands.push_back(found.mask);
    // Refused where the leading axes broadcast in a way that attention's do not.
    SmallVector<Type> types;
    if (failed(AttentionOp::inferReturnTypes(op.getContext(), std::nullopt, operands,
                                             DictionaryAttr(), &properties, {}, types)) ||
        types.front() != op.getType())
      return rewriter.notifyMatchFailure(op, "the shapes are not those of attention");
    rewriter.replaceOpWithNewOp<AttentionOp>(
        op, op.getType(), found.query, found.key, found.value, found.mask, properties.scale,
        properties.causal, properties.masked_score, properties.zero_masked_rows,
        DenseI64ArrayAttr(), properties.key_axes, DenseI64ArrayAttr(), DenseI64ArrayAttr());
    return success();
  }
};

// Pattern: attention(permute(q), permute(k), permute(v)) -> attention(q, k, v) of other axes
struct ReadPermuted : OpRewritePattern<AttentionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    bool hasChanged = false;
    auto fold = [&](unsigned number, SmallVector<int64_t> axes, StringRef name) {
      auto permute = op->getOperand(number).getDefiningOp<PermuteOp>();
      if (!permute)
        return;
      for (int64_t &axis : axes)
        axis = permute.getPermutation()[axis];
      rewriter.modifyOpInPlace(op, [&] {
        op->setOperand(number, permute.getInput());
        op->setAttr(name, rewriter.getDenseI64ArrayAttr(axes));
      });
      hasChanged = true;
    };
    fold(0, op.getAxesOfQuery(), "query_axes");
    fold(1, op.getAxesOfKey(), "key_axes");
    fold(2, op.getAxesOfValue(), "value_axes");
    return success(hasChanged);
  }
};

// Pattern: permute(attention(q, k, v)) -> attention(q, k, v) of other axes [if it has no other use]
struct WritePermuted : OpRewritePattern<PermuteOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(PermuteOp op, PatternRewriter &rewriter) const override {
    auto attention = op.getInput().getDefiningOp<AttentionOp>();
    if (!attention || !attention->hasOneUse())
      return rewriter.notifyMatchFailure(op, "it is not of an attention of one use");
    SmallVector<int64_t> own = attention.getAxesOfResult(), axes;
    for (int64_t axis : op.getPermutation())
      axes.push_back(own[axis]);
    rewriter.modifyOpInPlace(attention, [&] {
      attention.setResultAxes(axes);
      attention.getResult().setType(cast<RankedTensorType>(op.getType()));
    });
    rewriter.replaceOp(op, attention.getResult());
    return success();
  }
};

struct FormAttentionPass : torsh::impl::FormAttentionPassBase<FormAttentionPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateFormAttentionPatterns(patterns);
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

void mlir::torsh::populateFormAttentionPatterns(RewritePatternSet &patterns) {
  patterns.add<FormAttention, ReadPermuted, WritePermuted>(patterns.getContext());
}
