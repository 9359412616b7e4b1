// SPDX-License-Identifier: Apache-2.0
// Computes results of a kernel that have the same elements in one operation.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "torshjit/Tensor/OrderedGenerics.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_MERGERESULTSPASS
#include "torshjit/Tensor/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Whether an operand is read in the order of the loops: the last loop, if it has any say, is the
/// one along which neighbours lie.
static bool isReadAlongRows(AffineMap map) {
  unsigned last = map.getNumDims() - 1;
  if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
    return false;
  for (auto [axis, index] : llvm::enumerate(map.getResults()))
    if (index.isFunctionOfDim(last) && axis + 1 != map.getNumResults())
      return false;
  return map.getNumResults() == 0 || map.getResults().back().isFunctionOfDim(last) ||
         !map.isFunctionOfDim(last);
}

/// Legality: a value for each point of the loops, which depends on that point alone.
static bool isElementwise(linalg::GenericOp op) {
  if (op.getNumDpsInits() != 1 || op.getNumLoops() == 0 ||
      op.getNumParallelLoops() != op.getNumLoops() || isContraction(op) ||
      findMarked(op, kScatterMark))
    return false;
  OpOperand *init = op.getDpsInitOperand(0);
  if (op.payloadUsesValueFromOperand(init) || !op.getMatchingIndexingMap(init).isIdentity() ||
      !init->get().getDefiningOp<tensor::EmptyOp>())
    return false;
  return llvm::all_of(op.getIndexingMapsArray(), isReadAlongRows);
}

static bool isResult(Operation *user) {
  auto result = dyn_cast<bufferization::MaterializeInDestinationOp>(user);
  return result && isa<MemRefType>(result.getDest().getType());
}

static bool haveEqualLoops(linalg::GenericOp x, linalg::GenericOp y) {
  auto first = x.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>();
  auto second = y.getDpsInits()[0].getDefiningOp<tensor::EmptyOp>();
  return first.getType().getShape() == second.getType().getShape() &&
         first.getDynamicSizes() == second.getDynamicSizes();
}

namespace {

class MergeResultsPass : public torsh::impl::MergeResultsPassBase<MergeResultsPass> {
  void runOnOperation() override {
    if (!isKernel(getOperation()))
      return;
    // The last operation decides how the kernel is tiled.
    auto root = dyn_cast_or_null<linalg::GenericOp>(getTilingRoot(getOperation()).getOperation());
    if (!root || !isElementwise(root))
      return;
    SetVector<Operation *> members = findMembers(root);
    if (llvm::count_if(members,
                       [](Operation *op) { return llvm::any_of(op->getUsers(), isResult); }) > 1)
      merge(members.getArrayRef());
  }

  /// What has the loops of the last result, and is read by nothing but results and each other, in
  /// the order of the block.
  static SetVector<Operation *> findMembers(linalg::GenericOp root) {
    SmallVector<linalg::GenericOp> candidates;
    for (auto op : root->getBlock()->getOps<linalg::GenericOp>())
      if (op == root ||
          (op->isBeforeInBlock(root) && isElementwise(op) && haveEqualLoops(op, root)))
        candidates.push_back(op);
    // From the last one on, so that all readers are known.
    llvm::SmallPtrSet<Operation *, 16> chosen;
    for (linalg::GenericOp op : llvm::reverse(candidates))
      if (llvm::all_of(op->getUses(), [&](OpOperand &use) {
            if (isResult(use.getOwner()))
              return true;
            auto reader = dyn_cast<linalg::GenericOp>(use.getOwner());
            return reader && chosen.contains(reader) &&
                   reader.getMatchingIndexingMap(&use).isIdentity();
          }))
        chosen.insert(op);
    SetVector<Operation *> members;
    for (linalg::GenericOp op : candidates)
      if (chosen.contains(op))
        members.insert(op);
    return members;
  }

  /// Replaces the members by one operation where the last of them stands.
  static void merge(ArrayRef<Operation *> members) {
    IRRewriter rewriter(members.back());
    SmallVector<Value> inputs, inits;
    SmallVector<AffineMap> maps, initMaps;
    SmallVector<linalg::GenericOp> results;
    SmallVector<Location> locations;
    auto find = [&](Value value, AffineMap map) -> unsigned {
      for (unsigned i = 0; i < inputs.size(); ++i)
        if (inputs[i] == value && maps[i] == map)
          return i;
      inputs.push_back(value);
      maps.push_back(map);
      return inputs.size() - 1;
    };
    auto isMember = [&](Value value) { return llvm::is_contained(members, value.getDefiningOp()); };
    for (Operation *member : members) {
      auto op = cast<linalg::GenericOp>(member);
      locations.push_back(op.getLoc());
      for (OpOperand *operand : op.getDpsInputOperands())
        if (!isMember(operand->get()))
          find(operand->get(), op.getMatchingIndexingMap(operand));
      if (llvm::any_of(op->getUsers(), isResult)) {
        results.push_back(op);
        inits.push_back(op.getDpsInits()[0]);
        initMaps.push_back(op.getMatchingIndexingMap(op.getDpsInitOperand(0)));
      }
    }
    SmallVector<Type> types = llvm::map_to_vector(inits, [](Value x) { return x.getType(); });
    SmallVector<AffineMap> allMaps(maps);
    llvm::append_range(allMaps, initMaps);
    SmallVector<utils::IteratorType> iterators(maps.empty() ? initMaps[0].getNumDims()
                                                            : maps[0].getNumDims(),
                                               utils::IteratorType::parallel);
    Location loc = rewriter.getFusedLoc(locations);
    auto merged = linalg::GenericOp::create(
        rewriter, loc, types, inputs, inits, allMaps, iterators,
        [&](OpBuilder &b, Location, ValueRange arguments) {
          IRMapping known;
          DenseMap<Operation *, Value> values;
          for (Operation *member : members) {
            auto op = cast<linalg::GenericOp>(member);
            for (OpOperand *operand : op.getDpsInputOperands()) {
              Value value = operand->get();
              known.map(op.getMatchingBlockArgument(operand),
                        isMember(value)
                            ? values.lookup(value.getDefiningOp())
                            : arguments[find(value, op.getMatchingIndexingMap(operand))]);
            }
            for (Operation &inner : op.getBody()->without_terminator())
              b.clone(inner, known);
            values[op] = known.lookupOrDefault(op.getBody()->getTerminator()->getOperand(0));
          }
          SmallVector<Value> yielded;
          for (linalg::GenericOp op : results)
            yielded.push_back(values.lookup(op));
          linalg::YieldOp::create(b, loc, yielded);
        });
    for (auto [op, value] : llvm::zip_equal(results, merged.getResults())) {
      for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
        if (isResult(user) && user->isBeforeInBlock(merged))
          user->moveAfter(merged);
      rewriter.replaceAllUsesWith(op->getResult(0), value);
    }
    for (Operation *member : llvm::reverse(members))
      rewriter.eraseOp(member);
  }
};

} // namespace
