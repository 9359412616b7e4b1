// SPDX-License-Identifier: Apache-2.0
// The elementwise operation behind a convolution, computed on the vectors of its sums.

#include "ConvolutionNest.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::torsh;

/// Views that nobody reads: what a lowering leaves that did not take the operation.
static bool isUnread(Operation *op) {
  return isa<memref::ReinterpretCastOp, memref::ExtractStridedMetadataOp>(op) &&
         llvm::all_of(op->getUsers(), isUnread);
}

/// The only reader of a buffer that `writer` computes: an elementwise operation with
/// nothing between the two that touches memory.
static linalg::GenericOp findReader(linalg::GenericOp writer) {
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
      reader.getOutputs().size() != 1 || reader.getOutputs()[0] == buffer ||
      reader.getNumParallelLoops() != reader.getNumLoops())
    return {};
  for (Operation *op = writer->getNextNode(); op != reader; op = op->getNextNode())
    if (!isMemoryEffectFree(op) && !isa<memref::AllocOp>(op))
      return {};
  return reader;
}

/// Whether all of a body can be computed on vectors.
static bool isElementwise(linalg::GenericOp op) {
  if (!op.getRegionOutputArgs()[0].use_empty())
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

void ConvolutionNest::findEpilogue() { reader = findReader(op); }

void ConvolutionNest::takeEpilogue(const Loop &column) {
  targets.assign(1, result);
  if (!reader || !isElementwise(reader))
    return;
  // From the loops of the reader to those of the convolution, through the buffer's axes.
  AffineMap written = op.getIndexingMapsArray()[2], read;
  for (OpOperand &operand : reader->getOpOperands())
    if (operand.get() == op.getOutputs()[0])
      read = reader.getMatchingIndexingMap(&operand);
  if (!read.isPermutation())
    return;
  SmallVector<AffineExpr> loops(reader.getNumLoops());
  for (auto [index, own] : llvm::zip_equal(read.getResults(), written.getResults()))
    loops[cast<AffineDimExpr>(index).getPosition()] = own;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(reader);
  SmallVector<LinearAccess> operands;
  auto take = [&](OpOperand &operand) -> LogicalResult {
    if (!isa<MemRefType>(operand.get().getType()))
      return success(); // A scalar.
    AffineMap map = reader.getMatchingIndexingMap(&operand).replaceDimsAndSymbols(
        loops, {}, op.getNumLoops(), 0);
    FailureOr<LinearAccess> access = LinearAccess::create(b, loc, operand.get(), map);
    if (failed(access))
      return failure();
    std::optional<int64_t> step = stride(*access, column);
    bool isOutput = operand.get() == reader.getOutputs()[0];
    if (step != 1 && (step != 0 || isOutput))
      return failure();
    operands.push_back(std::move(*access));
    return success();
  };
  if (failed(take(*reader.getDpsInitOperand(0))))
    return;
  for (OpOperand *operand : reader.getDpsInputOperands())
    if (operand->get() != op.getOutputs()[0] && failed(take(*operand)))
      return;
  targets = std::move(operands);
  epilogue = reader;
  columnOfEpilogue = column.number;
}

void ConvolutionNest::eraseOps() {
  if (epilogue)
    epilogue.erase();
  op.erase();
}

SmallVector<Value> ConvolutionNest::advanceTargets(ArrayRef<Value> at, const Loop &loop,
                                                   Value steps) {
  SmallVector<Value> moved;
  for (auto [target, offset] : llvm::zip_equal(targets, at))
    moved.push_back(add(offset, advance(target, loop, steps)));
  return moved;
}

void ConvolutionNest::writeSums(Value sums, ArrayRef<Value> at, Value mask) {
  int64_t lanes = cast<VectorType>(sums.getType()).getNumElements();
  if (epilogue) {
    IRMapping mapping;
    size_t next = 1;
    auto splat = [&](Value x) -> Value {
      return vector::BroadcastOp::create(b, loc, VectorType::get({lanes}, x.getType()), x);
    };
    for (auto [operand, argument] :
         llvm::zip_equal(epilogue.getInputs(), epilogue.getRegionInputArgs())) {
      if (operand == op.getOutputs()[0]) {
        mapping.map(argument, sums);
        continue;
      }
      if (!isa<MemRefType>(operand.getType())) {
        mapping.map(argument, splat(operand));
        continue;
      }
      const LinearAccess &access = targets[next];
      Value offset = at[next++];
      if (argument.use_empty())
        continue;
      auto type = VectorType::get({lanes}, argument.getType());
      if (getConstantIntValue(access.strides[columnOfEpilogue]) == 0)
        mapping.map(argument, splat(memref::LoadOp::create(b, loc, access.flat, offset)));
      else if (mask)
        mapping.map(argument, vector::MaskedLoadOp::create(b, loc, type, access.flat, offset, mask,
                                                           zeros(type)));
      else
        mapping.map(argument, vector::LoadOp::create(b, loc, type, access.flat, offset));
    }
    for (Operation &inner : epilogue.getBody()->without_terminator()) {
      if (auto constant = dyn_cast<arith::ConstantOp>(inner)) {
        mapping.map(constant.getResult(), splat(b.clone(inner)->getResult(0)));
        continue;
      }
      OperationState state(loc, inner.getName());
      for (Value operand : inner.getOperands()) {
        Value mapped = mapping.lookupOrNull(operand);
        if (!mapped) {
          mapped = splat(operand); // From outside of the body.
          mapping.map(operand, mapped);
        }
        state.operands.push_back(mapped);
      }
      for (Type type : inner.getResultTypes())
        state.types.push_back(VectorType::get({lanes}, type));
      state.attributes = inner.getAttrDictionary().getValue();
      Operation *clone = b.create(state);
      mapping.map(inner.getResults(), clone->getResults());
    }
    Value yielded = epilogue.getBody()->getTerminator()->getOperand(0);
    Value mapped = mapping.lookupOrNull(yielded);
    sums = mapped ? mapped : splat(yielded);
  }
  if (mask)
    vector::MaskedStoreOp::create(b, loc, targets[0].flat, at[0], mask, sums);
  else
    vector::StoreOp::create(b, loc, sums, targets[0].flat, at[0]);
}
