// SPDX-License-Identifier: Apache-2.0
// Squares of vectors transposed in registers, in rounds that exchange ever smaller blocks.

#include "TransposeVectors.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

SmallVector<Value> mlir::torsh::transposeVectors(OpBuilder &builder, Location loc,
                                                 SmallVector<Value> square) {
  auto n = static_cast<int64_t>(square.size());
  for (int64_t block = n / 2; block > 0; block /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < n; ++lane) {
      bool inHigh = lane & block;
      low.push_back(inHigh ? n + lane - block : lane);
      high.push_back(inHigh ? n + lane : lane + block);
    }
    for (int64_t i = 0; i < n; ++i) {
      if (i & block)
        continue;
      Value x = square[i], y = square[i + block];
      square[i] = vector::ShuffleOp::create(builder, loc, x, y, low);
      square[i + block] = vector::ShuffleOp::create(builder, loc, x, y, high);
    }
  }
  return square;
}
