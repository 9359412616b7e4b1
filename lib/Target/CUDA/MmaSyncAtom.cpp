// SPDX-License-Identifier: Apache-2.0
// Products of staged tiles on the tensor cores of every GPU since sm_80.

#include "torshjit/Target/CUDA/MmaSyncAtom.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/GPU/ElementEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::torsh::cuda;
using mlir::torsh::gpu::ContractionTile;
using mlir::torsh::gpu::ElementEmitter;
using mlir::torsh::gpu::StagedOperand;

/// One instruction: rows, columns and depth of a warp's product, and how many of its
/// results each thread has.
static constexpr int64_t kRows = 16, kColumns = 8, kDepth = 16, kResults = 4;
/// Threads of a warp.
static constexpr int64_t kWarp = 32;
/// An 8 by 8 matrix is what ldmatrix loads for every eight threads: 8 rows of 16 bytes.
static constexpr int64_t kMatrix = 8;
/// Columns of two instructions, whose fragments one ldmatrix loads.
static constexpr int64_t kColumnPair = 2 * kColumns;

namespace {

/// The tile of a block, shared out among its warps.
struct WarpTile {
  int64_t warpRows, warpColumns; // How many warps there are along each.
  int64_t rows, columns;         // Of one warp.

  int64_t rowSteps() const { return rows / kRows; }
  int64_t columnSteps() const { return columns / kColumns; }

  /// The squarest division: it reads the operands least often. None where the tile
  /// cannot be divided.
  static std::optional<WarpTile> choose(const ContractionTile &tile) {
    std::optional<WarpTile> best;
    if (tile.threads % kWarp != 0 || tile.depth % kDepth != 0)
      return best;
    int64_t warps = tile.threads / kWarp;
    for (int64_t along = 1; along <= warps; ++along) {
      int64_t across = warps / along;
      if (warps % along != 0 || tile.rows % (along * kRows) != 0 ||
          tile.columns % (across * kColumnPair) != 0)
        continue;
      WarpTile next{along, across, tile.rows / along, tile.columns / across};
      if (!best || next.rows + next.columns < best->rows + best->columns)
        best = next;
    }
    return best;
  }
};

/// Where a thread stands: in its warp, and where its warp's tile begins.
struct ThreadPlace {
  Value lane, firstRow, firstColumn;

  ThreadPlace(ElementEmitter &e, const ContractionTile &tile, const WarpTile &own) {
    lane = e.rem(tile.thread, e.constant(kWarp));
    Value warp = e.div(tile.thread, e.constant(kWarp));
    firstRow = e.mul(e.div(warp, e.constant(own.warpColumns)), e.constant(own.rows));
    firstColumn = e.mul(e.rem(warp, e.constant(own.warpColumns)), e.constant(own.columns));
  }
};

/// The quarters of 16 rows (of the left operand, or columns of the right one) by 16 of
/// the depth, each thread's two elements of each. `first` and `firstDepth` are where
/// the square begins; `rowsFirst` is whether the second quarter is the next rows and
/// not the next of the depth.
SmallVector<Value> loadMatrices(ElementEmitter &e, const StagedOperand &staged, Value lane,
                                Value first, int64_t firstDepth, bool rowsFirst) {
  OpBuilder &b = e.getBuilder();
  Location loc = e.getLoc();
  // Eight threads name the rows of each matrix in memory, of 16 bytes; transposed,
  // those are of one depth each.
  Value inMatrix = e.rem(lane, e.constant(kMatrix)), matrix = e.div(lane, e.constant(kMatrix));
  Value second = e.mul(e.rem(matrix, e.constant(2)), e.constant(kMatrix));
  Value third = e.mul(e.div(matrix, e.constant(2)), e.constant(kMatrix));
  Value row = e.add(first, rowsFirst ? second : third);
  Value depth = e.add(rowsFirst ? third : second, e.constant(firstDepth));
  Value outer = e.add(staged.isTransposed ? depth : row, inMatrix);
  Value offset = e.add(e.mul(outer, e.constant(staged.pitch)), staged.isTransposed ? row : depth);
  if (staged.begin)
    offset = e.add(staged.begin, offset);
  auto type = VectorType::get({4, 2}, staged.element);
  Value matrices = nvgpu::LdMatrixOp::create(b, loc, type, staged.memory, ValueRange{offset},
                                             staged.isTransposed, /*numTiles=*/4u);
  SmallVector<Value> fragments;
  for (int64_t i = 0; i < 4; ++i) {
    Value pair = vector::ExtractOp::create(b, loc, matrices, i);
    // The instruction takes pairs of bf16 as integers.
    if (staged.element.isBF16()) {
      auto packed = VectorType::get({1}, b.getI32Type());
      pair = vector::BitCastOp::create(b, loc, packed, pair);
      pair = vector::ExtractOp::create(b, loc, pair, 0);
    }
    fragments.push_back(pair);
  }
  return fragments;
}

} // namespace

/// Whether the body is out + f32(left) * f32(right).
static bool isWidenedProduct(linalg::GenericOp op) {
  Block &body = op.getRegion().front();
  if (body.getNumArguments() != 3 || !body.getArgument(2).getType().isF32())
    return false;
  auto sum = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum)
    return false;
  bool outIsFirst = sum.getLhs() == body.getArgument(2);
  if (!outIsFirst && sum.getRhs() != body.getArgument(2))
    return false;
  auto product = (outIsFirst ? sum.getRhs() : sum.getLhs()).getDefiningOp<arith::MulFOp>();
  if (!product)
    return false;
  auto widened = [](Value value) -> Value {
    auto extension = value.getDefiningOp<arith::ExtFOp>();
    return extension ? extension.getIn() : Value();
  };
  Value first = widened(product.getLhs()), second = widened(product.getRhs());
  return (first == body.getArgument(0) && second == body.getArgument(1)) ||
         (first == body.getArgument(1) && second == body.getArgument(0));
}

/// Whether it is a product of halves of one type, accumulated in f32.
static bool isProductOfHalves(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || !isWidenedProduct(op))
    return false;
  Type left = op.getRegion().front().getArgument(0).getType();
  Type right = op.getRegion().front().getArgument(1).getType();
  return left == right && (left.isF16() || left.isBF16());
}

void MmaSyncAtom::getDependentDialects(DialectRegistry &registry) const {
  registry
      .insert<LLVM::LLVMDialect, NVVM::NVVMDialect, nvgpu::NVGPUDialect, vector::VectorDialect>();
}

bool MmaSyncAtom::chooseTile(linalg::GenericOp op, int64_t rows, int64_t columns,
                             ContractionTile &tile) const {
  if (!isProductOfHalves(op))
    return false;
  // Large tiles read the operands less often, but must still be enough of them to
  // keep the GPU busy. Twice as many columns would leave too few registers where a
  // thread stages one element at a time.
  constexpr int64_t kTile = 64, kManyTiles = 64;
  bool isLarge = llvm::divideCeil(rows, 2 * kTile) * llvm::divideCeil(columns, kTile) >= kManyTiles;
  auto sizeFor = [](int64_t extent, int64_t most) {
    return std::min<int64_t>(llvm::PowerOf2Ceil(std::max<int64_t>(extent, kRows)), most);
  };
  tile.rows = sizeFor(rows, isLarge ? 2 * kTile : kTile);
  tile.columns = sizeFor(columns, kTile);
  tile.depth = 2 * kDepth;
  int64_t squares = (tile.rows / kRows) * (tile.columns / kColumnPair);
  tile.threads = kWarp * (squares >= 32 ? 8 : squares >= 8 ? 4 : squares >= 2 ? 2 : 1);
  return true;
}

bool MmaSyncAtom::accepts(linalg::GenericOp op, const ContractionTile &tile) const {
  return isProductOfHalves(op) && WarpTile::choose(tile);
}

// Eight halves more: the eight rows of a matrix then lie in different banks, and each
// still begins at a multiple of 16 bytes.
int64_t MmaSyncAtom::getPitch(int64_t elements) const { return elements + kMatrix; }

void MmaSyncAtom::commit(ElementEmitter &e) const {
  NVVM::CpAsyncCommitGroupOp::create(e.getBuilder(), e.getLoc());
}

void MmaSyncAtom::wait(ElementEmitter &e, int64_t pending) const {
  NVVM::CpAsyncWaitGroupOp::create(e.getBuilder(), e.getLoc(),
                                   e.getBuilder().getI32IntegerAttr(pending));
}

SmallVector<Value> MmaSyncAtom::initialize(ElementEmitter &, const ContractionTile &tile,
                                           Value init) const {
  WarpTile own = *WarpTile::choose(tile);
  return SmallVector<Value>(own.rowSteps() * own.columnSteps() * kResults, init);
}

FailureOr<SmallVector<Value>> MmaSyncAtom::multiply(ElementEmitter &e, linalg::GenericOp op,
                                                    const ContractionTile &tile,
                                                    const StagedOperand &left,
                                                    const StagedOperand &right, bool leftIsFirst,
                                                    SmallVector<Value> accumulators) const {
  OpBuilder &b = e.getBuilder();
  Location loc = e.getLoc();
  WarpTile own = *WarpTile::choose(tile);
  ThreadPlace place(e, tile, own);
  auto type = left.element.isBF16() ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
  auto resultType =
      LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(kResults, b.getF32Type()));

  for (int64_t depth = 0; depth < tile.depth; depth += kDepth) {
    SmallVector<SmallVector<Value>> leftParts, rightParts;
    for (int64_t row = 0; row < own.rows; row += kRows)
      leftParts.push_back(loadMatrices(e, left, place.lane, e.add(place.firstRow, e.constant(row)),
                                       depth,
                                       /*rowsFirst=*/true));
    for (int64_t column = 0; column < own.columns; column += kColumnPair) {
      SmallVector<Value> pair =
          loadMatrices(e, right, place.lane, e.add(place.firstColumn, e.constant(column)), depth,
                       /*rowsFirst=*/false);
      rightParts.push_back({pair[0], pair[1]});
      rightParts.push_back({pair[2], pair[3]});
    }
    Value *sums = accumulators.data();
    for (ArrayRef<Value> rows : leftParts)
      for (ArrayRef<Value> columns : rightParts) {
        Value next = NVVM::MmaOp::create(
            b, loc, resultType, rows, columns, ValueRange(ArrayRef<Value>(sums, kResults)),
            ArrayRef<int64_t>{kRows, kColumns, kDepth}, std::nullopt, std::nullopt,
            std::array<NVVM::MMATypes, 2>{type, type},
            std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
        for (int64_t i = 0; i < kResults; ++i)
          *sums++ = LLVM::ExtractValueOp::create(b, loc, next, i);
      }
  }
  return accumulators;
}

LogicalResult MmaSyncAtom::forEach(ElementEmitter &e, const ContractionTile &tile,
                                   ArrayRef<Value> accumulators, ElementBody body) const {
  WarpTile own = *WarpTile::choose(tile);
  ThreadPlace place(e, tile, own);
  // Every four threads have a row, of which each has two neighbouring columns; the
  // other two results are eight rows below.
  Value row = e.add(place.firstRow, e.div(place.lane, e.constant(4)));
  Value column = e.add(place.firstColumn, e.mul(e.rem(place.lane, e.constant(4)), e.constant(2)));
  for (int64_t i = 0; i < own.rowSteps(); ++i)
    for (int64_t j = 0; j < own.columnSteps(); ++j)
      for (int64_t result = 0; result < kResults; ++result) {
        int64_t below = i * kRows + (result / 2) * kMatrix, beside = j * kColumns + result % 2;
        Value sum = accumulators[(i * own.columnSteps() + j) * kResults + result];
        if (failed(body(e.add(row, e.constant(below)), e.add(column, e.constant(beside)), sum)))
          return failure();
      }
  return success();
}
