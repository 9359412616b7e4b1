// SPDX-License-Identifier: Apache-2.0
// The emulator is told of every access of memory that threads share.

#include "EmulatorCalls.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::torsh::cuda;

namespace {

enum class Memory { Private, Constant, Shared, Other };

/// What a pointer points into, as far as its computation tells.
Memory classify(Value pointer) {
  auto isShared = [](Value value) {
    return cast<LLVM::LLVMPointerType>(value.getType()).getAddressSpace() ==
           static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared);
  };
  while (true) {
    if (isShared(pointer))
      return Memory::Shared;
    Operation *op = pointer.getDefiningOp();
    if (auto element = dyn_cast_or_null<LLVM::GEPOp>(op))
      pointer = element.getBase();
    else if (auto cast = dyn_cast_or_null<LLVM::AddrSpaceCastOp>(op))
      pointer = cast.getArg();
    else if (isa_and_nonnull<LLVM::AllocaOp>(op))
      return Memory::Private;
    else if (isa_and_nonnull<LLVM::AddressOfOp>(op))
      return Memory::Constant;
    else
      return Memory::Other;
  }
}

void report(Operation *op, EmulatorCalls &calls, Value pointer, Value bytes, int64_t alignment,
            bool isStore) {
  OpBuilder builder(op);
  Value multiple = EmulatorCalls::constant(builder, op->getLoc(), alignment, 64);
  switch (classify(pointer)) {
  case Memory::Private:
  case Memory::Constant:
    return;
  case Memory::Shared:
    calls.call(builder, op->getLoc(),
               isStore ? TORSH_EMULATOR_FUNCTION(store_shared)
                       : TORSH_EMULATOR_FUNCTION(load_shared),
               {}, {pointer, bytes, multiple});
    return;
  case Memory::Other:
    calls.call(builder, op->getLoc(),
               isStore ? TORSH_EMULATOR_FUNCTION(store_global)
                       : TORSH_EMULATOR_FUNCTION(load_global),
               {}, {pointer, bytes, multiple});
    return;
  }
}

Value byteSize(Operation *op, Type type) {
  OpBuilder builder(op);
  DataLayout layout = DataLayout::closest(op);
  return EmulatorCalls::constant(
      builder, op->getLoc(), static_cast<int64_t>(layout.getTypeSize(type).getFixedValue()), 64);
}

/// What the address of a load or store has to be a multiple of.
template <typename AccessOp> int64_t alignmentOf(AccessOp op, Type type) {
  if (std::optional<uint64_t> stated = op.getAlignment())
    return static_cast<int64_t>(*stated);
  return static_cast<int64_t>(DataLayout::closest(op).getTypeABIAlignment(type));
}

/// `memcpy` and its like take a length of any integer type.
Value widen(Operation *op, Value length) {
  OpBuilder builder(op);
  if (length.getType() == builder.getI64Type())
    return length;
  return LLVM::ZExtOp::create(builder, op->getLoc(), builder.getI64Type(), length);
}

} // namespace

LogicalResult mlir::torsh::cuda::instrumentAccess(Operation *op, EmulatorCalls &calls) {
  auto atomic = [&](Value pointer, Type type) {
    OpBuilder builder(op);
    calls.call(builder, op->getLoc(), TORSH_EMULATOR_FUNCTION(atomic), {},
               {pointer, byteSize(op, type)});
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LLVM::LoadOp load) {
        report(op, calls, load.getAddr(), byteSize(op, load.getType()),
               alignmentOf(load, load.getType()), /*isStore=*/false);
        return success();
      })
      .Case([&](LLVM::StoreOp store) {
        Type type = store.getValue().getType();
        report(op, calls, store.getAddr(), byteSize(op, type), alignmentOf(store, type),
               /*isStore=*/true);
        return success();
      })
      .Case([&](LLVM::AtomicRMWOp update) { return atomic(update.getPtr(), update.getType()); })
      .Case([&](LLVM::AtomicCmpXchgOp exchange) {
        return atomic(exchange.getPtr(), exchange.getCmp().getType());
      })
      .Case<LLVM::MemcpyOp, LLVM::MemmoveOp>([&](auto copy) {
        Value length = widen(op, copy.getLen());
        report(op, calls, copy.getSrc(), length, /*alignment=*/1, /*isStore=*/false);
        report(op, calls, copy.getDst(), length, /*alignment=*/1, /*isStore=*/true);
        return success();
      })
      .Case([&](LLVM::MemsetOp fill) {
        report(op, calls, fill.getDst(), widen(op, fill.getLen()), /*alignment=*/1,
               /*isStore=*/true);
        return success();
      })
      .Default([&](Operation *) -> LogicalResult {
        auto effects = dyn_cast<MemoryEffectOpInterface>(op);
        // Calls and intrinsics are the other functions' business.
        if (!effects || isa<LLVM::CallOp, LLVM::CallIntrinsicOp>(op))
          return success();
        if (effects.hasEffect<MemoryEffects::Write>() || effects.hasEffect<MemoryEffects::Read>())
          return op->emitOpError("accesses memory in a way that the CUDA emulator does not know");
        return success();
      });
}
