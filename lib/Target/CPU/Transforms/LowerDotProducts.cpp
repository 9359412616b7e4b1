// SPDX-License-Identifier: Apache-2.0
// Replaces small dot products of narrow elements, which the inner loops of
// contractions consist of, by the instructions that the processor has for them.

#include "DotForms.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERDOTPRODUCTSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

/// An operand of a dot product before it was widened.
struct Narrow {
  Value value;
  bool isUnsigned = false;

  explicit Narrow(Value wide) : value(wide) {
    if (auto unsignedOp = wide.getDefiningOp<arith::ExtUIOp>()) {
      value = unsignedOp.getIn();
      isUnsigned = true;
    } else if (auto signedOp = wide.getDefiningOp<arith::ExtSIOp>()) {
      value = signedOp.getIn();
    } else if (auto floatOp = wide.getDefiningOp<arith::ExtFOp>()) {
      value = floatOp.getIn();
    }
  }
  Type element() const { return cast<VectorType>(value.getType()).getElementType(); }

  /// `vector`, of elements like these, widened as they are.
  Value widen(OpBuilder &b, Location loc, Value vector, Type wide) const {
    Type type = cast<VectorType>(vector.getType()).clone(wide);
    if (vector.getType() == type)
      return vector;
    if (isa<FloatType>(wide))
      return arith::ExtFOp::create(b, loc, type, vector);
    if (isUnsigned)
      return arith::ExtUIOp::create(b, loc, type, vector);
    return arith::ExtSIOp::create(b, loc, type, vector);
  }
};

/// Dot products of one short vector with each row of another: row(k) columns(n, k) -> (n).
struct DotProducts {
  vector::ContractionOp op;
  Narrow row, columns;
  int64_t count, depth;

  static FailureOr<DotProducts> match(vector::ContractionOp op) {
    auto columnType = dyn_cast<VectorType>(op.getRhsType());
    if (!columnType || columnType.getRank() != 2 || columnType.isScalable() ||
        op.getKind() != vector::CombiningKind::ADD)
      return failure();
    MLIRContext *context = op.getContext();
    AffineExpr n = getAffineDimExpr(0, context), k = getAffineDimExpr(1, context);
    SmallVector<AffineMap> maps{AffineMap::get(2, 0, {k}, context),
                                AffineMap::get(2, 0, {n, k}, context),
                                AffineMap::get(2, 0, {n}, context)};
    if (op.getIndexingMapsArray() != maps)
      return failure();
    return DotProducts{op, Narrow(op.getLhs()), Narrow(op.getRhs()), columnType.getDimSize(0),
                       columnType.getDimSize(1)};
  }
};

int64_t elementsOf(Value vector) { return cast<VectorType>(vector.getType()).getNumElements(); }

Value extract(OpBuilder &b, Location loc, Value vector, int64_t first, int64_t count) {
  if (count == elementsOf(vector))
    return vector;
  auto lanes = llvm::to_vector(llvm::seq<int64_t>(first, first + count));
  return vector::ShuffleOp::create(b, loc, vector, vector, lanes);
}

Value concatenate(OpBuilder &b, Location loc, Value x, Value y) {
  auto lanes = llvm::to_vector(llvm::seq<int64_t>(0, elementsOf(x) + elementsOf(y)));
  return vector::ShuffleOp::create(b, loc, x, y, lanes);
}

/// Whether an instruction computes these products.
bool computes(const cpu::DotForm &form, const DotProducts &dots) {
  using Elements = cpu::DotForm::Elements;
  Type element = dots.columns.element();
  if (form.step != dots.depth || dots.count % form.getLanes() != 0 || dots.row.element() != element)
    return false;
  bool isRowUnsigned = dots.row.isUnsigned, isColumnUnsigned = dots.columns.isUnsigned;
  switch (form.elements) {
  case Elements::BF16:
    return element.isBF16();
  case Elements::SignedBytes:
    return element.isInteger(8) && !isRowUnsigned && !isColumnUnsigned;
  case Elements::UnsignedBytes:
    return element.isInteger(8) && isRowUnsigned && isColumnUnsigned;
  case Elements::MixedBytes:
    return element.isInteger(8) && isRowUnsigned != isColumnUnsigned;
  case Elements::Halfwords:
    return element.isInteger(16) && !isRowUnsigned && !isColumnUnsigned;
  }
  llvm_unreachable("unknown elements");
}

/// The sums of one register after one instruction.
Value emit(OpBuilder &b, Location loc, const cpu::DotForm &form, Value sums, Value row,
           Value columns, bool rowIsFirst) {
  SmallVector<Value> operands{rowIsFirst ? row : columns, rowIsFirst ? columns : row};
  if (form.accumulates)
    operands.insert(operands.begin(), sums);
  Value next = LLVM::CallIntrinsicOp::create(b, loc, sums.getType(),
                                             b.getStringAttr(form.intrinsic), operands)
                   .getResult(0);
  return form.accumulates ? next : arith::AddIOp::create(b, loc, sums, next).getResult();
}

/// Splits the products into pieces as wide as registers.
void emitPieces(PatternRewriter &rewriter, DotProducts dots, const cpu::DotForm &form) {
  Location loc = dots.op.getLoc();
  int64_t lanes = form.getLanes();
  Type i32 = rewriter.getI32Type(), element = dots.columns.element();
  auto wordType = VectorType::get({1}, i32);
  Value word = vector::BitCastOp::create(rewriter, loc, wordType, dots.row.value);
  word = vector::ExtractOp::create(rewriter, loc, word, ArrayRef<int64_t>{0});
  Value words = vector::BroadcastOp::create(rewriter, loc, VectorType::get({lanes}, i32), word);
  auto pieceType = VectorType::get({lanes * dots.depth}, element);
  Value row = vector::BitCastOp::create(rewriter, loc, pieceType, words);
  Value flat = rewriter.createOrFold<vector::ShapeCastOp>(
      loc, VectorType::get({dots.count * dots.depth}, element), dots.columns.value);
  // Of bytes of both kinds, those without sign come first.
  bool rowIsFirst = dots.row.isUnsigned || !dots.columns.isUnsigned;
  Value result;
  for (int64_t first = 0; first < dots.count; first += lanes) {
    Value columns = extract(rewriter, loc, flat, first * dots.depth, lanes * dots.depth);
    Value sums = extract(rewriter, loc, dots.op.getAcc(), first, lanes);
    Value next = emit(rewriter, loc, form, sums, row, columns, rowIsFirst);
    result = result ? concatenate(rewriter, loc, result, next) : next;
  }
  rewriter.replaceOp(dots.op, result);
}

// Pattern: vector.contract of a few narrow elements into 32 bits -> instructions of the table
struct ByInstructions : OpRewritePattern<vector::ContractionOp> {
  ByInstructions(MLIRContext *context, ArrayRef<std::string> features, int64_t vectorBits)
      : OpRewritePattern(context, /*benefit=*/2) {
    for (const cpu::DotForm &form : cpu::getDotForms())
      if (llvm::is_contained(features, form.feature) && form.bits <= vectorBits)
        forms.push_back(&form);
  }
  LogicalResult matchAndRewrite(vector::ContractionOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<DotProducts> dots = DotProducts::match(op);
    if (failed(dots))
      return rewriter.notifyMatchFailure(op, "not dot products");
    for (const DotProducts &products : narrowConstants(rewriter, *dots))
      for (const cpu::DotForm *form : forms)
        if (computes(*form, products)) {
          emitPieces(rewriter, products, *form);
          return success();
        }
    return rewriter.notifyMatchFailure(op, "there is no instruction for these elements");
  }

private:
  /// Constants have been widened already; where they are bytes of either kind, they may be either.
  static SmallVector<DotProducts> narrowConstants(PatternRewriter &rewriter, DotProducts dots) {
    DenseIntElementsAttr elements;
    if (!matchPattern(dots.row.value, m_Constant(&elements)) ||
        !elements.getElementType().isInteger(32) ||
        !llvm::all_of(elements.getValues<APInt>(), [](const APInt &x) { return x.ult(128); }))
      return {dots};
    auto bytes =
        elements.mapValues(rewriter.getI8Type(), [](const APInt &x) { return x.trunc(8); });
    dots.row.value = arith::ConstantOp::create(rewriter, dots.op.getLoc(), bytes);
    DotProducts others = dots;
    others.row.isUnsigned = !dots.row.isUnsigned;
    return {dots, others};
  }

  SmallVector<const cpu::DotForm *> forms;
};

// Pattern: vector.contract(row(k), columns(n, k)) -> a multiplication and an addition for each k
struct OneByOne : OpRewritePattern<vector::ContractionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(vector::ContractionOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<DotProducts> dots = DotProducts::match(op);
    if (failed(dots))
      return rewriter.notifyMatchFailure(op, "not dot products");
    Location loc = op.getLoc();
    auto type = cast<VectorType>(op.getAcc().getType());
    Value flat = rewriter.createOrFold<vector::ShapeCastOp>(
        loc, VectorType::get({dots->count * dots->depth}, dots->columns.element()),
        dots->columns.value);
    flat = dots->columns.widen(rewriter, loc, flat, type.getElementType());
    Value sums = op.getAcc();
    for (int64_t k = 0; k < dots->depth; ++k) {
      SmallVector<int64_t> lanes;
      for (int64_t n = 0; n < dots->count; ++n)
        lanes.push_back(n * dots->depth + k);
      Value column = vector::ShuffleOp::create(rewriter, loc, flat, flat, lanes);
      Value row = vector::ExtractOp::create(rewriter, loc, op.getLhs(), ArrayRef<int64_t>{k});
      row = vector::BroadcastOp::create(rewriter, loc, type, row);
      if (isa<FloatType>(type.getElementType()))
        sums = vector::FMAOp::create(rewriter, loc, row, column, sums);
      else
        sums = arith::AddIOp::create(rewriter, loc, sums,
                                     arith::MulIOp::create(rewriter, loc, row, column));
    }
    rewriter.replaceOp(op, sums);
    return success();
  }
};

class LowerDotProductsPass : public torsh::impl::LowerDotProductsPassBase<LowerDotProductsPass> {
public:
  using LowerDotProductsPassBase::LowerDotProductsPassBase;

private:
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ByInstructions>(&getContext(), features, vectorBits);
    patterns.add<OneByOne>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
