// SPDX-License-Identifier: Apache-2.0
// Merges neighbouring accesses of a thread into one of up to 128 bits.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "torshjit/GPU/ContractionAtom.h"
#include "torshjit/Target/CUDA/Transforms/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include <map>
#include <numeric>

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_VECTORIZEACCESSESPASS
#include "torshjit/Target/CUDA/Transforms/Passes.h.inc"
} // namespace mlir::torsh

/// Bytes that one instruction moves at most, and to which shared memory is aligned.
static constexpr int64_t kAccessBytes = 16;

namespace {

std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  return std::nullopt;
}

/// What numbers are known to divide.
class Divisibility {
public:
  explicit Divisibility(gpu::GPUFuncOp kernel) {
    SmallVector<Value> sizes;
    for (Value argument : kernel.getArguments().take_front(kernel.getNumArguments()))
      if (argument.getType().isIndex())
        sizes.push_back(argument);
    if (auto demands = kernel->getAttrOfType<DenseI64ArrayAttr>("torsh.divisible"))
      for (size_t i = 0; i + 1 < static_cast<size_t>(demands.size()); i += 2)
        known[sizes[demands[i]]] = demands[i + 1];
  }

  /// The largest number known to divide `value`; 0 where that is 0 itself.
  int64_t of(Value value) {
    auto found = known.find(value);
    if (found != known.end())
      return found->second;
    known[value] = 1; // Of itself, where a loop carries it, nothing is known.
    int64_t divisor = compute(value);
    known[value] = divisor;
    return divisor;
  }

private:
  int64_t compute(Value value) {
    if (std::optional<int64_t> constant = constantOf(value))
      return std::abs(*constant);
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
      if (loop && argument == loop.getInductionVar())
        return std::gcd(of(loop.getLowerBound()), of(loop.getStep()));
      return 1;
    }
    auto both = [&](auto op) { return std::gcd(of(op.getLhs()), of(op.getRhs())); };
    return llvm::TypeSwitch<Operation *, int64_t>(value.getDefiningOp())
        .Case<arith::AddIOp, arith::SubIOp, arith::RemUIOp, arith::RemSIOp, arith::MinUIOp,
              arith::MinSIOp, arith::MaxUIOp, arith::MaxSIOp>(both)
        .Case([&](arith::MulIOp op) {
          // Capped, so that the product is exact.
          constexpr int64_t kLargest = 1 << 20;
          return std::gcd(of(op.getLhs()), kLargest) * std::gcd(of(op.getRhs()), kLargest);
        })
        .Case([&](arith::DivUIOp op) -> int64_t {
          std::optional<int64_t> by = constantOf(op.getRhs());
          int64_t divisor = of(op.getLhs());
          return by && *by > 0 && divisor % *by == 0 ? divisor / *by : 1;
        })
        .Case([&](arith::SelectOp op) {
          return std::gcd(of(op.getTrueValue()), of(op.getFalseValue()));
        })
        .Default(int64_t(1));
  }

  DenseMap<Value, int64_t> known;
};

/// An index as a sum of values with factors, and a constant.
struct LinearIndex {
  std::map<void *, int64_t> terms;
  int64_t constant = 0;

  explicit LinearIndex(Value index) { add(index, 1); }

private:
  void add(Value value, int64_t factor) {
    if (std::optional<int64_t> known = constantOf(value)) {
      constant += factor * *known;
      return;
    }
    Operation *op = value.getDefiningOp();
    auto product = dyn_cast_or_null<arith::MulIOp>(op);
    std::optional<int64_t> scale = product ? constantOf(product.getRhs()) : std::nullopt;
    if (auto sum = dyn_cast_or_null<arith::AddIOp>(op)) {
      add(sum.getLhs(), factor);
      add(sum.getRhs(), factor);
    } else if (auto difference = dyn_cast_or_null<arith::SubIOp>(op)) {
      add(difference.getLhs(), factor);
      add(difference.getRhs(), -factor);
    } else if (scale) {
      add(product.getLhs(), factor * *scale);
    } else {
      terms[value.getAsOpaquePointer()] += factor;
    }
  }
};

/// Accesses of one operand whose indices differ by constants, by the constant.
template <typename OpTy> struct AccessGroup {
  std::map<void *, int64_t> terms;
  std::map<int64_t, OpTy> accesses;
};

/// The groups of a block, in the order of their first accesses.
template <typename OpTy> struct AccessGroups {
  std::vector<AccessGroup<OpTy>> groups;
  std::map<std::pair<void *, std::map<void *, int64_t>>, size_t> numbers;

  void add(OpTy access) {
    LinearIndex index(access.getIndices().front());
    auto [place, isNew] =
        numbers.try_emplace({access.getMemRef().getAsOpaquePointer(), index.terms}, groups.size());
    if (isNew)
      groups.push_back({index.terms, {}});
    groups[place->second].accesses.insert_or_assign(index.constant, access);
  }
};

class VectorizeAccessesPass : public torsh::impl::VectorizeAccessesPassBase<VectorizeAccessesPass> {
  void runOnOperation() override {
    gpu::GPUFuncOp kernel = getOperation();
    auto demanded = kernel->getAttrOfType<IntegerAttr>("torsh.alignment");
    int64_t alignment = demanded ? demanded.getInt() : 1;
    auto numInputs = kernel->getAttrOfType<IntegerAttr>("torsh.num_inputs");
    if (!numInputs)
      return;
    Divisibility divisibility(kernel);
    auto isOperand = [&](Value memref, bool isInput) {
      auto argument = dyn_cast<BlockArgument>(memref);
      return argument && argument.getOwner() == &kernel.getBody().front() &&
             argument.getArgNumber() < kernel.getNumArguments() &&
             (argument.getArgNumber() < numInputs.getInt()) == isInput &&
             cast<MemRefType>(memref.getType()).getRank() == 1;
    };
    auto isShared = [&](Value memref) {
      return llvm::is_contained(kernel.getWorkgroupAttributions(), memref) &&
             cast<MemRefType>(memref.getType()).getRank() == 1;
    };
    kernel.walk([&](Block *block) {
      AccessGroups<memref::LoadOp> loads;
      AccessGroups<memref::StoreOp> stores, sharedStores;
      for (Operation &op : *block) {
        if (auto load = dyn_cast<memref::LoadOp>(op); load && isOperand(load.getMemRef(), true))
          loads.add(load);
        auto store = dyn_cast<memref::StoreOp>(op);
        if (store && isOperand(store.getMemRef(), false))
          stores.add(store);
        else if (store && isShared(store.getMemRef()))
          sharedStores.add(store);
      }
      merge(loads, alignment, divisibility);
      merge(stores, alignment, divisibility);
      merge(sharedStores, kAccessBytes, divisibility);
    });
  }

  template <typename OpTy>
  static void merge(AccessGroups<OpTy> &found, int64_t alignment, Divisibility &divisibility) {
    for (auto &[terms, accesses] : found.groups) {
      int64_t base = 0;
      for (auto [term, factor] : terms)
        base = std::gcd(base, divisibility.of(Value::getFromOpaquePointer(term)) * factor);
      for (auto from = accesses.begin(); from != accesses.end();) {
        SmallVector<OpTy> run;
        for (auto next = from; next != accesses.end() &&
                               next->first == from->first + static_cast<int64_t>(run.size());
             ++next)
          run.push_back(next->second);
        Type element = cast<MemRefType>(from->second.getMemRef().getType()).getElementType();
        int64_t bytes = std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
        int64_t known = std::gcd(base, from->first);
        int64_t width = std::min(alignment, kAccessBytes) / bytes;
        while (width > 1 && (width > static_cast<int64_t>(run.size()) || known % width != 0))
          width /= 2;
        width = std::max<int64_t>(width, 1);
        if (width > 1)
          replace(ArrayRef(run).take_front(width), width * bytes);
        std::advance(from, width);
      }
    }
  }

  /// Nothing writes to inputs, so the loads can all move to the first of them.
  static void replace(ArrayRef<memref::LoadOp> loads, int64_t bytes) {
    memref::LoadOp first = *llvm::min_element(
        loads, [](memref::LoadOp a, memref::LoadOp b) { return a->isBeforeInBlock(b); });
    OpBuilder builder(first);
    Location loc = first.getLoc();
    // Where the first is, the index of the lowest may not have been computed yet.
    int64_t distance = llvm::find(loads, first) - loads.begin();
    Value index = first.getIndices().front();
    if (distance)
      index = arith::SubIOp::create(builder, loc, index,
                                    arith::ConstantIndexOp::create(builder, loc, distance));
    auto type = VectorType::get({static_cast<int64_t>(loads.size())}, first.getType());
    auto vector = vector::LoadOp::create(builder, loc, type, first.getMemRef(), index,
                                         /*nontemporal=*/false, llvm::MaybeAlign(bytes));
    for (int64_t lane = 0; lane < type.getNumElements(); ++lane) {
      memref::LoadOp load = loads[lane];
      Value element = vector::ExtractOp::create(builder, load.getLoc(), vector, lane);
      load.getResult().replaceAllUsesWith(element);
    }
    for (memref::LoadOp load : loads)
      load.erase();
  }

  /// Stores move to the last of them, unless what lies between could see that.
  static void replace(ArrayRef<memref::StoreOp> stores, int64_t bytes) {
    auto before = [](memref::StoreOp a, memref::StoreOp b) { return a->isBeforeInBlock(b); };
    memref::StoreOp first = *llvm::min_element(stores, before);
    memref::StoreOp last = *llvm::max_element(stores, before);
    Value memref = first.getMemRef();
    for (Operation *op = first->getNextNode(); op != last; op = op->getNextNode()) {
      WalkResult result = op->walk([&](Operation *inner) {
        bool isOwn = llvm::is_contained(stores, inner);
        bool touches = !isOwn && llvm::is_contained(inner->getOperands(), memref);
        return touches || isa<gpu::BarrierOp>(inner) ? WalkResult::interrupt()
                                                     : WalkResult::advance();
      });
      if (result.wasInterrupted())
        return;
    }
    OpBuilder builder(last);
    SmallVector<Value> elements;
    for (memref::StoreOp store : stores)
      elements.push_back(store.getValue());
    auto type = VectorType::get({static_cast<int64_t>(stores.size())}, elements[0].getType());
    Value vector = vector::FromElementsOp::create(builder, last.getLoc(), type, elements);
    memref::StoreOp lowest = stores.front();
    auto merged =
        vector::StoreOp::create(builder, last.getLoc(), vector, memref, lowest.getIndices(),
                                /*nontemporal=*/false, llvm::MaybeAlign(bytes));
    StringRef mark = torsh::gpu::kAsyncCopyAttrName;
    if (llvm::all_of(stores, [&](memref::StoreOp store) { return store->hasAttr(mark); }))
      merged->setAttr(mark, builder.getUnitAttr());
    for (memref::StoreOp store : stores)
      store.erase();
  }
};

} // namespace
