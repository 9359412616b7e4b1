// SPDX-License-Identifier: Apache-2.0
// Index arithmetic, loops and memory of the lowerings to registers.

#include "LoopEmitter.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace mlir::torsh;

Value LoopEmitter::asValue(OpFoldResult x) const {
  return getValueOrCreateConstantIndexOp(b, loc, x);
}

void LoopEmitter::forLoop(Value from, Value to, int64_t step,
                          function_ref<void(Value)> body) const {
  auto loop = scf::ForOp::create(b, loc, from, to, constant(step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void LoopEmitter::ifElse(Value condition, function_ref<void()> then,
                         function_ref<void()> otherwise) const {
  auto branch = scf::IfOp::create(b, loc, condition, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

void LoopEmitter::forEach(const LoopGroup &group, ArrayRef<const LinearAccess *> accesses,
                          ArrayRef<Value> offsets, function_ref<void(ArrayRef<Value>)> body) const {
  if (group.empty())
    return body(offsets);
  unsigned loop = group.loops.front();
  LoopGroup rest;
  llvm::append_range(rest.loops, llvm::drop_begin(group.loops));
  llvm::append_range(rest.extents, llvm::drop_begin(group.extents));
  forLoop(constant(0), asValue(group.extents.front()), 1, [&](Value index) {
    SmallVector<Value> inner;
    for (auto [access, offset] : llvm::zip_equal(accesses, offsets))
      inner.push_back(add(offset, mul(index, asValue(access->strides[loop]))));
    forEach(rest, accesses, inner, body);
  });
}

Value LoopEmitter::firstLanes(int64_t lanes, Value count) const {
  if (std::optional<int64_t> known = getConstantIntValue(count)) {
    SmallVector<bool> mask;
    for (int64_t lane = 0; lane < lanes; ++lane)
      mask.push_back(lane < *known);
    return arith::ConstantOp::create(b, loc, b.getBoolVectorAttr(mask));
  }
  auto type = VectorType::get({lanes}, b.getI32Type());
  SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(lanes));
  Value lane = arith::ConstantOp::create(b, loc, b.getI32VectorAttr(numbers));
  Value limit = arith::IndexCastOp::create(b, loc, b.getI32Type(), count);
  return less(lane, vector::BroadcastOp::create(b, loc, type, limit));
}

Value LoopEmitter::allocate(Value elements, Type type) const {
  std::optional<int64_t> known = getConstantIntValue(elements);
  return memref::AllocOp::create(
      b, loc, MemRefType::get({known.value_or(ShapedType::kDynamic)}, type),
      known ? ValueRange() : ValueRange(elements), b.getI64IntegerAttr(64));
}

void LoopEmitter::prefetchLine(Value memory, Value element, bool isWrite, unsigned locality) const {
  memref::PrefetchOp::create(b, loc, memory, element, isWrite, locality, /*isDataCache=*/true);
}

bool LoopEmitter::removeZeroFill(linalg::GenericOp op) {
  for (Operation *before = op->getPrevNode(); before; before = before->getPrevNode()) {
    auto fill = dyn_cast<linalg::FillOp>(before);
    if (fill && fill.getOutputs()[0] == op.getOutputs()[0]) {
      Value value = fill.getInputs()[0];
      if (!matchPattern(value, m_AnyZeroFloat()) && !matchPattern(value, m_Zero()))
        return false;
      fill.erase();
      return true;
    }
    if (!isMemoryEffectFree(before) && !isa<memref::AllocOp>(before))
      return false;
  }
  return false;
}
