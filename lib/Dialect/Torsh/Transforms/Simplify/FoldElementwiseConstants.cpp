// SPDX-License-Identifier: Apache-2.0
// Evaluates elementwise operations on constants: every distinct combination of
// operand elements once, through the operation's own scalar body.

#include "ConstantBits.h"
#include "ConstantMatching.h"
#include "ScalarBodyEvaluator.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"
#include "llvm/ADT/Hashing.h"
#include <array>
#include <unordered_map>

using namespace mlir;
using namespace mlir::torsh;

namespace {

/// The distinct combinations of operand elements, and which one belongs to each
/// element of the result.
struct Combinations {
  /// For each operand, its element in every combination.
  SmallVector<SmallVector<uint64_t>> elements;
  /// For each element of the result (one for a splat), its combination.
  SmallVector<int64_t> ofResult;

  int64_t size() const { return elements.front().size(); }
};

/// One element of each operand; three operands are the most that there are.
using Combination = std::array<uint64_t, 3>;
struct CombinationHash {
  size_t operator()(const Combination &key) const {
    return llvm::hash_combine_range(key.begin(), key.end());
  }
};

/// The strides with which an operand of type `operand` is read over the result's
/// shape: 0 where it broadcasts, and on every axis of a splat.
SmallVector<int64_t> broadcastStrides(RankedTensorType operand, RankedTensorType result,
                                      bool isSplat) {
  SmallVector<int64_t> strides(result.getRank(), 0);
  SmallVector<int64_t> own = rowMajorStrides(operand.getShape());
  int64_t offset = result.getRank() - operand.getRank();
  for (int64_t axis = 0; axis < operand.getRank(); ++axis)
    if (!isSplat && operand.getDimSize(axis) != 1)
      strides[offset + axis] = own[axis];
  return strides;
}

/// Finds the distinct combinations; fails past `limit` of them.
FailureOr<Combinations> findCombinations(Operation *op, ArrayRef<ConstantBits> operands,
                                         int64_t limit) {
  auto type = tensorType(op->getResult(0));
  bool isSplat = llvm::all_of(operands, [](const ConstantBits &bits) { return bits.isSplat; });
  int64_t count = isSplat ? 1 : type.getNumElements();
  SmallVector<SmallVector<int64_t>> positions(operands.size());
  for (size_t number = 0; number < operands.size(); ++number) {
    if (isSplat) {
      positions[number].push_back(0);
      continue;
    }
    positions[number].reserve(count);
    auto operand = tensorType(op->getOperand(number));
    forEachPosition(type.getShape(), broadcastStrides(operand, type, operands[number].isSplat), 0,
                    [&](int64_t position) { positions[number].push_back(position); });
  }
  Combinations result;
  result.elements.resize(operands.size());
  result.ofResult.reserve(count);
  std::unordered_map<Combination, int64_t, CombinationHash> known;
  Combination key{};
  for (int64_t i = 0; i < count; ++i) {
    for (size_t number = 0; number < operands.size(); ++number)
      key[number] = operands[number][positions[number][i]];
    auto [entry, isNew] = known.try_emplace(key, result.size());
    if (isNew) {
      if (result.size() >= limit)
        return failure();
      for (size_t number = 0; number < operands.size(); ++number)
        result.elements[number].push_back(key[number]);
    }
    result.ofResult.push_back(entry->second);
  }
  return result;
}

// Pattern: elementwise(constant...) -> constant [if the limits allow, and exactly rounded or fast]
struct FoldElementwise : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  FoldElementwise(MLIRContext *context, const ConstantFoldingLimits &limits)
      : OpInterfaceRewritePattern(context), limits(limits) {}

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    FailureOr<DenseElementsAttr> value = evaluateElementwise(op, limits);
    if (failed(value))
      return rewriter.notifyMatchFailure(
          op, "an operand is not constant, a limit is met, or the value is not exact");
    rewriter.replaceOpWithNewOp<ConstantOp>(op, *value);
    return success();
  }

  ConstantFoldingLimits limits;
};

} // namespace

FailureOr<DenseElementsAttr> mlir::torsh::evaluateElementwise(ElementwiseOpInterface op,
                                                              const ConstantFoldingLimits &limits) {
  if (op->getNumOperands() == 0 || op->getNumOperands() > Combination().size())
    return failure();
  SmallVector<DenseElementsAttr> constants;
  for (Value operand : op->getOperands()) {
    constants.push_back(getConstantElements(operand));
    if (!constants.back())
      return failure();
  }
  auto type = tensorType(op->getResult(0));
  if (type.getNumElements() == 0)
    return writeBits(type, {});
  bool isSplat = llvm::all_of(constants, [](auto elements) { return elements.isSplat(); });
  if (!isSplat && getNumBytes(type) > limits.maxBytes)
    return failure();

  SmallVector<ConstantBits> operands = llvm::map_to_vector(constants, readBits);
  FailureOr<Combinations> combinations = findCombinations(op, operands, limits.maxEvaluations);
  if (failed(combinations))
    return failure();
  SmallVector<DenseElementsAttr> vectors;
  for (auto [operand, elements] : llvm::zip_equal(op->getOperands(), combinations->elements)) {
    Type element = getStorageType(tensorType(operand).getElementType());
    vectors.push_back(writeBits(VectorType::get({combinations->size()}, element), elements));
  }
  FailureOr<DenseElementsAttr> evaluated = evaluateScalarBody(op, vectors, limits.fast);
  if (failed(evaluated))
    return failure();

  ConstantBits values = readBits(*evaluated);
  SmallVector<uint64_t> result = llvm::map_to_vector(
      combinations->ofResult, [&](int64_t combination) { return values[combination]; });
  return writeBits(type, result);
}

void mlir::torsh::populateFoldElementwiseConstantsPatterns(RewritePatternSet &patterns,
                                                           const ConstantFoldingLimits &limits) {
  patterns.add<FoldElementwise>(patterns.getContext(), limits);
}
