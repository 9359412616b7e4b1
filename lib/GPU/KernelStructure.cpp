// SPDX-License-Identifier: Apache-2.0
// Finds the reductions that threads share, and how the results hang on them.

#include "KernelStructure.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/Tensor/Passes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include <set>

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

StringRef mlir::torsh::gpu::stringify(KernelClass kernelClass) {
  switch (kernelClass) {
  case KernelClass::Elementwise:
    return "elementwise";
  case KernelClass::Movement:
    return "movement";
  case KernelClass::RowReduction:
    return "row_reduction";
  case KernelClass::ColumnReduction:
    return "column_reduction";
  case KernelClass::Contraction:
    return "contraction";
  case KernelClass::Convolution:
    return "convolution";
  }
  return "";
}

static bool isReduction(linalg::GenericOp op) { return op.getNumReductionLoops() > 0; }

//===----------------------------------------------------------------------===//
// Paths to reductions
//===----------------------------------------------------------------------===//

namespace {

/// By which axis of a space each axis of a tensor is indexed; -1 where otherwise.
using Access = SmallVector<int64_t>;

/// The reductions that an element needs, and how it indexes their results.
class PathFinder {
public:
  explicit PathFinder(Value space) : space(space) {
    // A generic's own loops are a space as well.
    if (auto type = dyn_cast<ShapedType>(space.getType()))
      rank = type.getRank();
  }

  Value space;
  int64_t rank = 0;
  SmallVector<Value> reshapes;
  SmallVector<std::pair<linalg::GenericOp, Access>> found;

  void visit(Value tensor, const Access &access) {
    Operation *op = tensor.getDefiningOp();
    std::vector<int64_t> key(access.begin(), access.end());
    if (!op || !seen.insert({tensor.getAsOpaquePointer(), key}).second)
      return;
    if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      if (isReduction(generic))
        found.emplace_back(generic, access);
      else
        visitInputs(generic, loopsOf(generic, access));
    } else if (isa<tensor::CastOp, bufferization::MaterializeInDestinationOp>(op)) {
      visit(op->getOperand(0), access);
    } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      visit(insert.getSource(), Access(insert.getSourceType().getRank(), -1));
      visit(insert.getDest(), access);
    } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      visit(slice.getSource(), Access(slice.getSourceType().getRank(), -1));
    } else if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op)) {
      visitReshape(op, access);
    }
  }

  void visitInputs(linalg::GenericOp op, const Access &loops) {
    for (OpOperand *operand : op.getDpsInputOperands()) {
      if (op.getMatchingBlockArgument(operand).use_empty())
        continue;
      Access own;
      for (AffineExpr expr : op.getMatchingIndexingMap(operand).getResults()) {
        auto dim = dyn_cast<AffineDimExpr>(expr);
        own.push_back(dim ? loops[dim.getPosition()] : -1);
      }
      visit(operand->get(), own);
    }
    op.getBody()->walk([&](tensor::ExtractOp extract) {
      visit(extract.getTensor(), Access(extract.getTensor().getType().getRank(), -1));
    });
  }

private:
  static Access loopsOf(linalg::GenericOp op, const Access &access) {
    Access loops(op.getNumLoops(), -1);
    AffineMap map = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    for (auto [expr, axis] : llvm::zip_equal(map.getResults(), access))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        loops[dim.getPosition()] = axis;
    return loops;
  }

  /// As long as points are indices, they can be those before the reshape as well.
  void visitReshape(Operation *op, const Access &access) {
    Value source = op->getOperand(0);
    int64_t sourceRank = cast<ShapedType>(source.getType()).getRank();
    bool isIdentity = static_cast<int64_t>(access.size()) == rank &&
                      llvm::all_of(llvm::enumerate(access), [](const auto &entry) {
                        return entry.value() == static_cast<int64_t>(entry.index());
                      });
    if (!isIdentity || !found.empty())
      return visit(source, Access(sourceRank, -1));
    PathFinder inner(source);
    inner.visit(source, llvm::to_vector(llvm::seq<int64_t>(0, sourceRank)));
    if (inner.found.empty())
      return;
    reshapes.push_back(op->getResult(0));
    llvm::append_range(reshapes, inner.reshapes);
    space = inner.space;
    rank = inner.rank;
    found = std::move(inner.found);
  }

  std::set<std::pair<void *, std::vector<int64_t>>> seen;
};

bool isComplete(const Access &access) {
  llvm::SmallDenseSet<int64_t> axes;
  return llvm::all_of(access, [&](int64_t axis) { return axis >= 0 && axes.insert(axis).second; });
}

/// The loops of a reduction that index its result, in that order.
Access resultLoops(linalg::GenericOp op) {
  Access loops;
  for (AffineExpr expr : op.getMatchingIndexingMap(op.getDpsInitOperand(0)).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    loops.push_back(dim ? static_cast<int64_t>(dim.getPosition()) : -1);
  }
  return loops;
}

/// Adds the reductions that a shared one needs for the same group, each before those
/// that need it. The others are computed where they are used.
void addShared(linalg::GenericOp op, llvm::SetVector<Operation *> &shared) {
  if (shared.contains(op))
    return;
  PathFinder finder(op.getResult(0));
  finder.rank = op.getNumLoops();
  finder.visitInputs(op, llvm::to_vector(llvm::seq<int64_t>(0, op.getNumLoops())));
  Access own = resultLoops(op);
  for (auto &[inner, access] : finder.found)
    if (access == own && finder.reshapes.empty())
      addShared(inner, shared);
  shared.insert(op);
}

SmallVector<Output> outputsOf(func::FuncOp kernel) {
  SmallVector<Output> outputs;
  for (auto op : kernel.getOps<bufferization::MaterializeInDestinationOp>())
    if (auto argument = dyn_cast<BlockArgument>(op.getDest())) // Others start a result.
      outputs.push_back({op.getSource(), argument});
  return outputs;
}

/// Whether the operand's neighbouring elements in memory belong to one result.
bool reducesAlongMemory(linalg::GenericOp op) {
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    if (map.getNumResults() == 0 || op.getMatchingBlockArgument(operand).use_empty())
      continue;
    for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
      if (iterator == utils::IteratorType::parallel &&
          map.getResults().back().isFunctionOfDim(loop))
        return false;
    return true;
  }
  return true;
}

bool onlyMoves(func::FuncOp kernel) {
  bool moves = true;
  kernel.walk([&](linalg::GenericOp op) { moves &= op.getBody()->getOperations().size() == 1; });
  return moves;
}

} // namespace

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

FailureOr<ContractionLoops> mlir::torsh::gpu::classifyLoops(linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  ContractionLoops loops;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    bool inLeft = maps[0].isFunctionOfDim(loop), inRight = maps[1].isFunctionOfDim(loop);
    SmallVector<unsigned> &group = !maps[2].isFunctionOfDim(loop) ? loops.depth
                                   : inLeft && inRight            ? loops.batch
                                   : inLeft                       ? loops.rows
                                                                  : loops.columns;
    group.push_back(loop);
  }
  if (loops.rows.empty() || loops.columns.empty() || loops.depth.empty() ||
      !maps[2].isProjectedPermutation())
    return failure();
  auto last = cast<AffineDimExpr>(maps[2].getResults().back()).getPosition();
  if (llvm::is_contained(loops.rows, last)) {
    std::swap(loops.rows, loops.columns);
    std::swap(loops.left, loops.right);
  }
  return loops;
}

static bool hasWindows(linalg::GenericOp op) {
  return llvm::any_of(op.getIndexingMapsArray(),
                      [](AffineMap map) { return !map.isProjectedPermutation(); });
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

KernelStructure mlir::torsh::gpu::analyzeKernel(func::FuncOp kernel) {
  KernelStructure structure;
  std::optional<linalg::GenericOp> contraction;
  llvm::SetVector<Operation *> shared;
  for (const Output &output : outputsOf(kernel)) {
    PathFinder finder(output.tensor);
    finder.visit(output.tensor, llvm::to_vector(llvm::seq<int64_t>(0, finder.rank)));
    // The group is that of the first reduction that has one; the results with
    // another one are apart.
    const Access *group = nullptr;
    for (auto &[op, access] : finder.found) {
      if (!isComplete(access) || (group && *group != access))
        continue;
      if (isContraction(op) && succeeded(classifyLoops(op))) {
        // A product of matrices has the whole space in its result, and shares the
        // kernel with no other reduction.
        if (static_cast<int64_t>(access.size()) != finder.rank ||
            (contraction && *contraction != op) || !shared.empty())
          continue;
        contraction = op;
        group = &access;
        continue;
      }
      if (contraction)
        continue;
      if (!group && !shared.empty() && !shared.contains(op)) {
        // Groups of another result: as many, which only static extents tell.
        auto known = cast<ShapedType>(cast<linalg::GenericOp>(shared[0]).getResult(0).getType());
        auto own = cast<ShapedType>(op.getResult(0).getType());
        if (!known.hasStaticShape() || known.getShape() != own.getShape())
          continue;
      }
      addShared(op, shared);
      group = &access;
    }
    if (!group) {
      structure.separate.push_back(output);
      continue;
    }
    AlignedOutput aligned{output, finder.space, finder.reshapes, {}};
    for (int64_t axis : *group)
      aligned.groupAxes.push_back(axis);
    structure.aligned.push_back(std::move(aligned));
  }
  for (Operation *op : shared)
    structure.reductions.push_back(cast<linalg::GenericOp>(op));
  if (contraction) {
    structure.contraction = *contraction;
    structure.kernelClass =
        hasWindows(*contraction) ? KernelClass::Convolution : KernelClass::Contraction;
  } else if (!structure.reductions.empty()) {
    structure.kernelClass = reducesAlongMemory(structure.reductions.front())
                                ? KernelClass::RowReduction
                                : KernelClass::ColumnReduction;
  } else if (onlyMoves(kernel)) {
    structure.kernelClass = KernelClass::Movement;
  }
  return structure;
}
