// SPDX-License-Identifier: Apache-2.0
// Replaces small dot products of narrow elements, which the inner loops of
// contractions consist of, by the instructions that x86 has for them.

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

/// Constants have been widened already; where they are bytes of either kind, they become such.
void narrowConstant(PatternRewriter &rewriter, Narrow &narrow, bool isUnsigned) {
  DenseIntElementsAttr elements;
  if (!matchPattern(narrow.value, m_Constant(&elements)) ||
      !elements.getElementType().isInteger(32) ||
      !llvm::all_of(elements.getValues<APInt>(), [](const APInt &x) { return x.ult(128); }))
    return;
  auto bytes = elements.mapValues(rewriter.getI8Type(), [](const APInt &x) { return x.trunc(8); });
  narrow.value = arith::ConstantOp::create(rewriter, narrow.value.getLoc(), bytes);
  narrow.isUnsigned = isUnsigned;
}

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

/// Emits one instruction for a register of products: accumulators, row, columns.
using Instruction = function_ref<Value(OpBuilder &, Location, Value, Value, Value)>;

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

/// Splits the products into pieces as wide as registers.
void emitPieces(PatternRewriter &rewriter, DotProducts dots, int64_t lanes,
                Instruction instruction) {
  Location loc = dots.op.getLoc();
  while (dots.count % lanes != 0)
    lanes /= 2;
  Type i32 = rewriter.getI32Type(), element = dots.columns.element();
  auto wordType = VectorType::get({1}, i32);
  Value word = vector::BitCastOp::create(rewriter, loc, wordType, dots.row.value);
  word = vector::ExtractOp::create(rewriter, loc, word, ArrayRef<int64_t>{0});
  Value words = vector::BroadcastOp::create(rewriter, loc, VectorType::get({lanes}, i32), word);
  auto pieceType = VectorType::get({lanes * dots.depth}, element);
  Value row = vector::BitCastOp::create(rewriter, loc, pieceType, words);
  Value flat = rewriter.createOrFold<vector::ShapeCastOp>(
      loc, VectorType::get({dots.count * dots.depth}, element), dots.columns.value);
  Value result;
  for (int64_t first = 0; first < dots.count; first += lanes) {
    Value columns = extract(rewriter, loc, flat, first * dots.depth, lanes * dots.depth);
    Value sums = extract(rewriter, loc, dots.op.getAcc(), first, lanes);
    Value next = instruction(rewriter, loc, sums, row, columns);
    result = result ? concatenate(rewriter, loc, result, next) : next;
  }
  rewriter.replaceOp(dots.op, result);
}

Value callIntrinsic(OpBuilder &b, Location loc, StringRef name, Value sums, Value x, Value y) {
  int64_t bits = elementsOf(sums) * 32;
  auto attribute = b.getStringAttr(name + "." + Twine(bits));
  return LLVM::CallIntrinsicOp::create(b, loc, sums.getType(), attribute, ValueRange{sums, x, y})
      .getResult(0);
}

/// Whether pieces of 4, 8 or 16 sums fit.
bool fitsRegisters(const DotProducts &dots) { return dots.count % 4 == 0; }

// Pattern: vector.contract of pairs of bf16 into f32 -> dpbf16ps
struct PairsOfBF16 : OpRewritePattern<vector::ContractionOp> {
  PairsOfBF16(MLIRContext *context, int64_t lanes)
      : OpRewritePattern(context, /*benefit=*/2), lanes(lanes) {}
  LogicalResult matchAndRewrite(vector::ContractionOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<DotProducts> dots = DotProducts::match(op);
    if (failed(dots) || dots->depth != 2 || !dots->row.element().isBF16() ||
        !dots->columns.element().isBF16() || !fitsRegisters(*dots))
      return rewriter.notifyMatchFailure(op, "not dot products of pairs of bf16");
    emitPieces(rewriter, *dots, lanes,
               [](OpBuilder &b, Location loc, Value sums, Value row, Value y) {
                 return callIntrinsic(b, loc, "llvm.x86.avx512bf16.dpbf16ps", sums, row, y);
               });
    return success();
  }

private:
  int64_t lanes;
};

// Pattern: vector.contract of four bytes, without sign and with sign, into i32 -> vpdpbusd
struct FoursOfBytes : OpRewritePattern<vector::ContractionOp> {
  FoursOfBytes(MLIRContext *context, int64_t lanes)
      : OpRewritePattern(context, /*benefit=*/2), lanes(lanes) {}
  LogicalResult matchAndRewrite(vector::ContractionOp op,
                                PatternRewriter &rewriter) const override {
    FailureOr<DotProducts> dots = DotProducts::match(op);
    if (succeeded(dots))
      narrowConstant(rewriter, dots->row, !dots->columns.isUnsigned);
    if (failed(dots) || dots->depth != 4 || !dots->row.element().isInteger(8) ||
        !dots->columns.element().isInteger(8) || !fitsRegisters(*dots))
      return rewriter.notifyMatchFailure(op, "not dot products of four bytes");
    if (dots->row.isUnsigned == dots->columns.isUnsigned)
      return rewriter.notifyMatchFailure(op, "one operand must have a sign, the other none");
    bool rowIsFirst = dots->row.isUnsigned;
    emitPieces(rewriter, *dots, lanes,
               [&](OpBuilder &b, Location loc, Value sums, Value row, Value columns) {
                 return callIntrinsic(b, loc, "llvm.x86.avx512.vpdpbusd", sums,
                                      rowIsFirst ? row : columns, rowIsFirst ? columns : row);
               });
    return success();
  }

private:
  int64_t lanes;
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
    int64_t lanes = vectorBits / 32;
    if (bf16)
      patterns.add<PairsOfBF16>(&getContext(), lanes);
    if (int8)
      patterns.add<FoursOfBytes>(&getContext(), lanes);
    patterns.add<OneByOne>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
