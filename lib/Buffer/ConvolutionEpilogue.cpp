// SPDX-License-Identifier: Apache-2.0
// The elementwise operation behind a convolution, computed on the vectors of its sums.

#include "ConvolutionNest.h"
#include "ElementwiseReader.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::torsh;

void ConvolutionNest::findEpilogue() {
  reader = findOnlyReader(op);
  if (reader && (reader.getOutputs().size() != 1 || !isComputedOnVectors(reader)))
    reader = {};
}

void ConvolutionNest::takeEpilogue(const Loop &column) {
  targets.assign(1, result);
  if (!reader)
    return;
  FailureOr<SmallVector<AffineMap>> maps = mapsFromWriter(op, reader);
  if (failed(maps))
    return;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(reader);
  SmallVector<LinearAccess> operands;
  auto take = [&](OpOperand &operand) -> LogicalResult {
    if (!isa<MemRefType>(operand.get().getType()))
      return success(); // A scalar.
    AffineMap map = (*maps)[operand.getOperandNumber()];
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
    sums = computeOnVectors(b, epilogue, mapping, lanes)[0];
  }
  if (mask)
    vector::MaskedStoreOp::create(b, loc, targets[0].flat, at[0], mask, sums);
  else
    vector::StoreOp::create(b, loc, sums, targets[0].flat, at[0]);
}
