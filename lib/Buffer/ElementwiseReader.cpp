// SPDX-License-Identifier: Apache-2.0
// The elementwise operation behind a product or a convolution.

#include "ElementwiseReader.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

/// Views that nobody reads: what a lowering leaves that did not take the operation.
static bool isUnread(Operation *op) {
  return isa<memref::ReinterpretCastOp, memref::ExtractStridedMetadataOp>(op) &&
         llvm::all_of(op->getUsers(), isUnread);
}

linalg::GenericOp mlir::torsh::findOnlyReader(linalg::GenericOp writer) {
  Value buffer = writer.getOutputs()[0];
  Value memory = buffer;
  if (auto view = buffer.getDefiningOp<memref::SubViewOp>())
    memory = view.getSource();
  if (!memory.getDefiningOp<memref::AllocOp>() || (memory != buffer && !memory.hasOneUse()))
    return {};
  linalg::GenericOp reader;
  for (Operation *user : buffer.getUsers()) {
    if (user == writer || isa<linalg::FillOp>(user) || isUnread(user))
      continue;
    auto generic = dyn_cast<linalg::GenericOp>(user);
    if (reader || !generic || generic->getBlock() != writer->getBlock() ||
        !writer->isBeforeInBlock(generic))
      return {};
    reader = generic;
  }
  if (!reader || llvm::count(reader->getOperands(), buffer) != 1 ||
      llvm::is_contained(reader.getOutputs(), buffer) ||
      reader.getNumParallelLoops() != reader.getNumLoops())
    return {};
  for (Operation *op = writer->getNextNode(); op != reader; op = op->getNextNode())
    if (!isMemoryEffectFree(op) && !isa<memref::AllocOp>(op))
      return {};
  return reader;
}

bool mlir::torsh::isComputedOnVectors(linalg::GenericOp op) {
  for (BlockArgument output : op.getRegionOutputArgs())
    if (!output.use_empty())
      return false;
  // A vector of i1 is bits, in memory they are bytes.
  for (Value operand : op->getOperands())
    if (getElementTypeOrSelf(operand.getType()).isInteger(1) && isa<MemRefType>(operand.getType()))
      return false;
  return llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
    if (isa<arith::ConstantOp>(inner))
      return true;
    bool isKnown = isa<arith::ArithDialect, math::MathDialect>(inner.getDialect()) &&
                   !isa<math::ExpM1Op>(inner);
    return isKnown && OpTrait::hasElementwiseMappableTraits(&inner) &&
           llvm::all_of(inner.getResultTypes(), [](Type x) { return x.isIntOrFloat(); });
  });
}

FailureOr<SmallVector<AffineMap>> mlir::torsh::mapsFromWriter(linalg::GenericOp writer,
                                                              linalg::GenericOp reader) {
  AffineMap written = writer.getIndexingMapsArray()[2], read;
  for (OpOperand &operand : reader->getOpOperands())
    if (operand.get() == writer.getOutputs()[0])
      read = reader.getMatchingIndexingMap(&operand);
  if (!read.isPermutation())
    return failure();
  SmallVector<AffineExpr> loops(reader.getNumLoops());
  for (auto [index, own] : llvm::zip_equal(read.getResults(), written.getResults()))
    loops[cast<AffineDimExpr>(index).getPosition()] = own;
  return llvm::map_to_vector(reader.getIndexingMapsArray(), [&](AffineMap map) {
    return map.replaceDimsAndSymbols(loops, {}, writer.getNumLoops(), 0);
  });
}

void mlir::torsh::cloneOnVectors(OpBuilder &b, Operation *op, IRMapping &operands, int64_t lanes) {
  Operation *clone = op->clone(operands);
  for (OpResult result : clone->getResults())
    result.setType(VectorType::get({lanes}, result.getType()));
  b.insert(clone);
  operands.map(op->getResults(), clone->getResults());
}

SmallVector<Value> mlir::torsh::computeOnVectors(OpBuilder &b, linalg::GenericOp op,
                                                 IRMapping &arguments, int64_t lanes) {
  Location loc = op.getLoc();
  auto vectorOf = [&](Value x) -> Value {
    if (Value mapped = arguments.lookupOrNull(x))
      return mapped;
    // From outside of the body.
    Value splat = vector::BroadcastOp::create(b, loc, VectorType::get({lanes}, x.getType()), x);
    arguments.map(x, splat);
    return splat;
  };
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto constant = dyn_cast<arith::ConstantOp>(inner)) {
      Value clone = b.clone(inner)->getResult(0);
      arguments.map(
          constant.getResult(),
          vector::BroadcastOp::create(b, loc, VectorType::get({lanes}, clone.getType()), clone));
      continue;
    }
    for (Value operand : inner.getOperands())
      vectorOf(operand);
    cloneOnVectors(b, &inner, arguments, lanes);
  }
  return llvm::map_to_vector(op.getBody()->getTerminator()->getOperands(), vectorOf);
}
