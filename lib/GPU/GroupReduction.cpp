// SPDX-License-Identifier: Apache-2.0
// Combines the partial results of the threads of a group.

#include "KernelEmitter.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

Operation *mlir::torsh::gpu::combinerOf(linalg::GenericOp op, unsigned result) {
  SmallVector<Operation *> combiners;
  if (!matchReduction(op.getRegionOutputArgs(), result, combiners) || combiners.size() != 1)
    return nullptr;
  Operation *combiner = combiners.front();
  // Sums and products of floats depend on their order, which must be free.
  if (isa<arith::AddFOp, arith::MulFOp>(combiner)) {
    auto flags = cast<arith::ArithFastMathInterface>(combiner).getFastMathFlagsAttr().getValue();
    if (!arith::bitEnumContainsAny(flags, arith::FastMathFlags::reassoc))
      return nullptr;
  }
  return arith::getNeutralElement(combiner) ? combiner : nullptr;
}

bool mlir::torsh::gpu::isArgumentReduction(linalg::GenericOp op) {
  return op->hasAttr("torsh.arg_reduction");
}

bool mlir::torsh::gpu::canShareLanes(linalg::GenericOp op) {
  return isArgumentReduction(op) ||
         llvm::all_of(llvm::seq<unsigned>(0, op.getNumDpsInits()),
                      [&](unsigned i) { return combinerOf(op, i) != nullptr; });
}

Value KernelEmitter::combine(Operation *combiner, Value x, Value y) {
  Operation *copy = b.clone(*combiner);
  copy->setOperands({x, y});
  return copy->getResult(0);
}

void KernelEmitter::barrier() { ::mlir::gpu::BarrierOp::create(b, loc); }

Value KernelEmitter::workgroupMemory(StringRef purpose, Type element, int64_t count) {
  std::string name;
  llvm::raw_string_ostream(name) << purpose << " " << element << " " << count;
  Value &known = memory[name];
  if (!known) {
    auto space =
        ::mlir::gpu::AddressSpaceAttr::get(b.getContext(), ::mlir::gpu::AddressSpace::Workgroup);
    known = function.addWorkgroupAttribution(
        MemRefType::get({count}, getMemoryType(element), MemRefLayoutAttrInterface(), space), loc);
  }
  return known;
}

Value KernelEmitter::reduceOverLanes(Operation *combiner, Value value, const Group &group) {
  if (group.lanes == 1)
    return value;
  bool canShuffle = traits.subgroupSize > 0 && !group.isColumn &&
                    value.getType().getIntOrFloatBitWidth() == 32 &&
                    (group.lanes <= traits.subgroupSize || group.lanes % traits.subgroupSize == 0);
  if (canShuffle)
    return reduceBySubgroup(combiner, value, group);
  return reduceByMemory(
             value,
             [&](ArrayRef<Value> x, ArrayRef<Value> y) -> FailureOr<SmallVector<Value>> {
               return SmallVector<Value>{combine(combiner, x[0], y[0])};
             },
             group)
      ->front();
}

/// Within a subgroup by exchange of registers, between the subgroups of a group through
/// memory: each thread then combines the few values itself.
Value KernelEmitter::reduceBySubgroup(Operation *combiner, Value value, const Group &group) {
  int64_t width = std::min(group.lanes, traits.subgroupSize);
  for (int64_t distance = width / 2; distance > 0; distance /= 2) {
    auto shuffle = ::mlir::gpu::ShuffleOp::create(b, loc, value, static_cast<int32_t>(distance),
                                                  static_cast<int32_t>(traits.subgroupSize),
                                                  ::mlir::gpu::ShuffleMode::XOR);
    value = combine(combiner, value, shuffle.getShuffleResult());
  }
  if (group.lanes == width)
    return value;
  int64_t subgroups = threads / width;
  Value shared = workgroupMemory("subgroups", value.getType(), subgroups);
  Value own = e.div(thread, e.constant(width));
  Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        e.rem(thread, e.constant(width)), e.constant(0));
  auto branch = scf::IfOp::create(b, loc, isFirst, /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    memref::StoreOp::create(b, loc, value, shared, own);
  }
  barrier();
  Value base = e.div(group.first, e.constant(width)), total;
  for (int64_t i = 0; i < group.lanes / width; ++i) {
    Value part = memref::LoadOp::create(b, loc, shared, e.add(base, e.constant(i)));
    total = total ? combine(combiner, total, part) : part;
  }
  barrier(); // The memory is used again.
  return total;
}

/// A tree in workgroup memory: works for every type and every layout of the lanes.
FailureOr<SmallVector<Value>> KernelEmitter::reduceByMemory(ArrayRef<Value> values, Merge merge,
                                                            const Group &group) {
  SmallVector<Value> shared;
  for (auto [number, value] : llvm::enumerate(values))
    shared.push_back(workgroupMemory("lanes " + std::to_string(number), value.getType(), threads));
  auto store = [&](ArrayRef<Value> stored) {
    for (auto [value, memory] : llvm::zip_equal(stored, shared)) {
      Value bits = value;
      if (value.getType().isInteger(1))
        bits = arith::ExtUIOp::create(b, loc, b.getI8Type(), value);
      memref::StoreOp::create(b, loc, bits, memory, group.slot);
    }
  };
  auto load = [&](Value at) {
    SmallVector<Value> loaded;
    for (auto [value, memory] : llvm::zip_equal(values, shared)) {
      Value bits = memref::LoadOp::create(b, loc, memory, at);
      if (value.getType().isInteger(1))
        bits = arith::TruncIOp::create(b, loc, value.getType(), bits);
      loaded.push_back(bits);
    }
    return loaded;
  };
  store(values);
  barrier();
  for (int64_t distance = group.lanes / 2; distance > 0; distance /= 2) {
    Value takesPart = e.lessThan(group.lane, e.constant(distance));
    auto branch = scf::IfOp::create(b, loc, takesPart, /*withElseRegion=*/false);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      Value other = e.add(group.slot, e.constant(distance * group.stride));
      FailureOr<SmallVector<Value>> merged = merge(load(group.slot), load(other));
      if (failed(merged))
        return failure();
      store(*merged);
    }
    barrier();
  }
  SmallVector<Value> total = load(group.first);
  barrier(); // The memory is used again.
  return total;
}

/// The better of two partial results of an argument reduction, the earlier of equal
/// ones: which is better, the reduction's own body says of an element and the best so far.
FailureOr<SmallVector<Value>> KernelEmitter::mergeArguments(linalg::GenericOp op, ArrayRef<Value> x,
                                                            ArrayRef<Value> y) {
  auto best = [&](ArrayRef<Value> candidate, ArrayRef<Value> known) {
    Value index = arith::IndexCastOp::create(b, loc, b.getIndexType(), candidate[1]);
    return e.emitBody(op, SmallVector<Value>(op.getNumLoops(), index), candidate.take_front(),
                      known);
  };
  FailureOr<SmallVector<Value>> ofX = best(x, y), ofY = best(y, x);
  if (failed(ofX) || failed(ofY))
    return failure();
  // Each is the index of the other side where its own is no better: of equal ones both
  // are, and where one is better the same one twice.
  Value index = arith::SelectOp::create(
      b, loc, arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, (*ofX)[1], (*ofY)[1]),
      (*ofX)[1], arith::MinSIOp::create(b, loc, x[1], y[1]));
  return SmallVector<Value>{(*ofX)[0], index};
}
