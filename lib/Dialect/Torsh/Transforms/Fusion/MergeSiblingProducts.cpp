// SPDX-License-Identifier: Apache-2.0
// Products of one tensor by several fixed weights become one product.

#include "FusionGraph.h"
#include "FusionRules.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "torshjit/Dialect/Torsh/IR/HeadSlices.h"
#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/FusionReport.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::torsh {
#define GEN_PASS_DEF_MERGESIBLINGPRODUCTSPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

/// What the passes of a graph of many products of one tensor cost stays in proportion.
static constexpr size_t kMostSiblings = 16;

static Value weightOf(Operation *product) { return product->getOperand(1); }

static Value biasOf(Operation *product) {
  auto linear = dyn_cast<LinearOp>(product);
  return linear ? linear.getBias() : Value();
}

static int64_t outputsOf(Operation *product) {
  return tensorTypeOf(product->getResult(0)).getShape().back();
}

//===----------------------------------------------------------------------===//
// Legality
//===----------------------------------------------------------------------===//

/// Why a product cannot be part of a wider one at the place of `first`.
static std::optional<std::string> findIllegality(Operation *product, Operation *first) {
  RankedTensorType weight = tensorTypeOf(weightOf(product));
  if (weight.getRank() != 2 || !weight.hasStaticShape())
    return "its weights are no matrix of known extents";
  if (llvm::is_contained(weight.getShape(), 0))
    return "its weights are empty";
  for (Value operand : {weightOf(product), biasOf(product)}) {
    Operation *producer = operand ? operand.getDefiningOp() : nullptr;
    if (producer && !producer->hasTrait<OpTrait::ConstantLike>() &&
        (producer->getBlock() != first->getBlock() || !producer->isBeforeInBlock(first)))
      return "its weights are computed after the first of the products";
  }
  if (biasOf(product) && tensorTypeOf(biasOf(product)).getShape() != ArrayRef(outputsOf(product)))
    return "its bias is broadcast";
  return std::nullopt;
}

/// What products must have in common to be one.
static bool canJoin(Operation *lhs, Operation *rhs) {
  auto depthOf = [](Operation *product) {
    return tensorTypeOf(weightOf(product)).getDimSize(isa<LinearOp>(product) ? 1 : 0);
  };
  return lhs->getName() == rhs->getName() && lhs->getAttrDictionary() == rhs->getAttrDictionary() &&
         lhs->getBlock() == rhs->getBlock() && depthOf(lhs) == depthOf(rhs) &&
         !biasOf(lhs) == !biasOf(rhs) &&
         tensorTypeOf(weightOf(lhs)).getElementType() ==
             tensorTypeOf(weightOf(rhs)).getElementType();
}

//===----------------------------------------------------------------------===//
// Profit
//===----------------------------------------------------------------------===//

/// Whether nothing but movements lies between a value and the arguments and constants.
static bool isStored(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (op->hasTrait<OpTrait::ConstantLike>())
      return true;
    if (!isa<ReshapeOp, PermuteOp, SliceOp, BroadcastOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return true;
}

/// Why a reader of a product, or of its heads, would have its part copied.
static std::optional<std::string> findCopy(Operation *reader, bool areHeads) {
  // Attention reads by strides; index maps fold, and concatenations read slices.
  if (isa<AttentionOp, PermuteOp, SliceOp, ConcatOp, tensor::DimOp>(reader) ||
      (areHeads && isa<ElementwiseOpInterface>(reader)))
    return std::nullopt;
  std::string name = reader->getName().getStringRef().str();
  if (isa<ElementwiseOpInterface>(reader))
    return name + " is computed in the product's own kernel";
  return name + " would need a copy of its part";
}

/// Why a product is better left alone.
static std::optional<std::string> findLoss(Operation *product) {
  if (isFixed(product->getOperand(0)))
    return "it is the same at every call, and computed once";
  if (!isFixed(weightOf(product)) || (biasOf(product) && !isFixed(biasOf(product))))
    return "its weights are not fixed, and would be copied at every call";
  if (!isStored(weightOf(product)))
    return "its weights are computed where they are read";
  for (Operation *reader : product->getUsers()) {
    auto reshape = dyn_cast<ReshapeOp>(reader);
    if (!reshape || !matchHeads(reshape)) {
      if (std::optional<std::string> reason = findCopy(reader, /*areHeads=*/false))
        return reason;
      continue;
    }
    for (Operation *own : reshape->getUsers())
      if (std::optional<std::string> reason = findCopy(own, /*areHeads=*/true))
        return reason;
  }
  return std::nullopt;
}

/// Whether every part begins with a head, whatever heads its readers divide it into.
static bool areWholeHeads(ArrayRef<Operation *> products) {
  int64_t total = 0, start = 0;
  for (Operation *product : products)
    total += outputsOf(product);
  for (Operation *product : products) {
    for (Operation *reader : product->getUsers())
      if (auto reshape = dyn_cast<ReshapeOp>(reader)) {
        int64_t width = matchHeads(reshape)->width;
        if (start % width || total % width)
          return false;
      }
    start += outputsOf(product);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Merging
//===----------------------------------------------------------------------===//

/// Gives each reader of `part` a slice of its own, so that each can take it into its kernel.
static void sliceForReaders(OpBuilder &b, Location loc, Value part, Value whole, int64_t axis,
                            int64_t start) {
  int64_t extent = tensorTypeOf(part).getDimSize(axis);
  llvm::MapVector<Operation *, Value> slices;
  for (OpOperand &use : llvm::make_early_inc_range(part.getUses())) {
    Value &slice = slices[use.getOwner()];
    if (!slice)
      slice = sliceAxis(b, loc, whole, axis, start, extent);
    use.set(slice);
  }
}

// Pattern: linear(x, w0), linear(x, w1) -> slices of linear(x, concat(w0, w1)) [if the weights are
//          fixed, and all readers read slices where they lie]
static void merge(ArrayRef<Operation *> products) {
  Operation *first = products.front();
  SmallVector<Value> weights, biases;
  SmallVector<Location> locations;
  for (Operation *product : products) {
    locations.push_back(product->getLoc());
    weights.push_back(weightOf(product));
    if (Value bias = biasOf(product))
      biases.push_back(bias);
    for (Value operand : {weightOf(product), biasOf(product)})
      if (Operation *producer = operand ? operand.getDefiningOp() : nullptr;
          producer && producer->hasTrait<OpTrait::ConstantLike>() &&
          producer->getBlock() == first->getBlock() && !producer->isBeforeInBlock(first))
        producer->moveBefore(first);
  }
  OpBuilder b(first);
  Location loc = b.getFusedLoc(locations);
  Value weight = ConcatOp::create(b, loc, weights, isa<LinearOp>(first) ? 0 : 1);
  Value whole, input = first->getOperand(0);
  if (auto linear = dyn_cast<LinearOp>(first)) {
    Value bias = biases.empty() ? Value() : Value(ConcatOp::create(b, loc, biases, 0));
    whole = LinearOp::create(b, loc, input, weight, bias, linear.getDtypeAttr());
  } else {
    whole = MatmulOp::create(b, loc, input, weight, cast<MatmulOp>(first).getDtypeAttr());
  }
  llvm::DenseMap<Type, Value> views;
  int64_t start = 0;
  for (Operation *product : products) {
    Value part = product->getResult(0);
    for (Operation *reader : llvm::make_early_inc_range(part.getUsers()))
      if (auto reshape = dyn_cast<ReshapeOp>(reader)) {
        HeadDivision division = *matchHeads(reshape);
        Value heads = reshapeToHeads(b, reshape.getLoc(), whole, reshape, division);
        Value &known = views.try_emplace(heads.getType(), heads).first->second;
        if (known != heads)
          heads.getDefiningOp()->erase();
        heads = known;
        sliceForReaders(b, reshape.getLoc(), reshape.getResult(), heads, division.axis,
                        start / division.width);
        reshape.erase();
      }
    sliceForReaders(b, product->getLoc(), part, whole, tensorTypeOf(part).getRank() - 1, start);
    start += outputsOf(product);
  }
  for (Operation *product : products)
    product->erase();
}

namespace {
class MergeSiblingProductsPass
    : public torsh::impl::MergeSiblingProductsPassBase<MergeSiblingProductsPass> {
public:
  using MergeSiblingProductsPassBase::MergeSiblingProductsPassBase;

  void runOnOperation() override {
    FailureOr<FusionReport> known = FusionReport::load(getOperation());
    if (failed(known))
      return signalPassFailure();
    report = std::move(*known);
    report.siblings.clear();
    if (!foldsMovements(strategy))
      return;
    llvm::MapVector<Value, SmallVector<Operation *>> products;
    getOperation().walk([&](func::FuncOp func) {
      if (!func.isDeclaration())
        for (Operation &op : func.getBody().front())
          if (isa<LinearOp, MatmulOp>(op))
            products[op.getOperand(0)].push_back(&op);
    });
    for (auto &[input, siblings] : products)
      if (siblings.size() > 1)
        decide(siblings);
    if (!report.siblings.empty())
      report.store(getOperation());
  }

private:
  void say(Operation *product, int64_t numMerged, std::string reason) {
    report.siblings.push_back(
        {{product->getName().getStringRef().str(), describeLocation(product->getLoc())},
         numMerged,
         std::move(reason)});
  }

  /// Merges those of some products of one tensor that can be one and gain by it.
  void decide(ArrayRef<Operation *> siblings) {
    SmallVector<SmallVector<Operation *>> sets;
    for (Operation *product : siblings) {
      std::optional<std::string> reason = findIllegality(product, siblings.front());
      if (!reason)
        reason = findLoss(product);
      if (reason) {
        say(product, 0, *reason);
        continue;
      }
      auto set = llvm::find_if(sets, [&](ArrayRef<Operation *> set) {
        return set.size() < kMostSiblings && canJoin(set.front(), product);
      });
      if (set == sets.end())
        sets.push_back({product});
      else
        set->push_back(product);
    }
    for (ArrayRef<Operation *> set : sets) {
      bool isAlone = set.size() == 1;
      bool isMerged = !isAlone && areWholeHeads(set);
      for (Operation *product : set)
        say(product, isMerged ? set.size() : 0,
            isMerged  ? ""
            : isAlone ? "no other product of the tensor can be one with it"
                      : "its part would not begin with a head");
      if (!isMerged)
        continue;
      numMerged += set.size();
      merge(set);
    }
  }

  FusionReport report;
};
} // namespace
