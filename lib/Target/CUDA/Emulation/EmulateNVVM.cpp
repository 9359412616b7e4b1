// SPDX-License-Identifier: Apache-2.0
// Makes kernels of the NVVM dialect run on the processor, in the emulator.

#include "EmulatorCalls.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "torshjit/Target/CUDA/Emulation/Passes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::torsh::cuda;

namespace mlir::torsh {
#define GEN_PASS_DEF_EMULATENVVMPASS
#include "torshjit/Target/CUDA/Emulation/Passes.h.inc"
} // namespace mlir::torsh

/// What async copies and matrix loads may count on.
static constexpr uint64_t kSharedAlignment = 128;

static bool isShared(unsigned space) {
  return space == static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared);
}

/// Turns the kernel's parameters into loads from its arrays of pointers and sizes.
/// Returns the thread.
static FailureOr<Value> lowerSignature(LLVM::LLVMFuncOp kernel) {
  MLIRContext *context = kernel.getContext();
  Block &entry = kernel.getBody().front();
  OpBuilder builder = OpBuilder::atBlockBegin(&entry);
  Location loc = kernel.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = builder.getI64Type();
  unsigned count = entry.getNumArguments();
  Value pointers = entry.addArgument(pointer, loc), sizes = entry.addArgument(pointer, loc),
        thread = entry.addArgument(pointer, loc);
  int32_t numPointers = 0, numSizes = 0;
  for (unsigned i = 0; i < count; ++i) {
    Type type = entry.getArgument(i).getType();
    bool isPointer = isa<LLVM::LLVMPointerType>(type);
    if (!isPointer && type != i64)
      return kernel.emitError("kernels take pointers, then sizes of i64, not ") << type, failure();
    int32_t number = isPointer ? numPointers++ : numSizes++;
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, isPointer ? pointer : i64,
                                     isPointer ? pointers : sizes, ArrayRef<LLVM::GEPArg>{number});
    Value argument = LLVM::LoadOp::create(builder, loc, isPointer ? pointer : i64, slot);
    if (argument.getType() != type)
      argument = LLVM::AddrSpaceCastOp::create(builder, loc, type, argument);
    entry.getArgument(i).replaceAllUsesWith(argument);
  }
  entry.eraseArguments(0, count);
  kernel.setArgAttrsAttr(nullptr);
  kernel.setFunctionType(
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, pointer, pointer}));
  return thread;
}

/// Places the shared variables that a kernel uses in the block's memory. Memory of a
/// size that the launch decides comes last.
static void placeSharedMemory(LLVM::LLVMFuncOp kernel, EmulatorCalls &calls) {
  SymbolTableCollection symbols;
  llvm::MapVector<Operation *, SmallVector<LLVM::AddressOfOp>> uses;
  kernel.walk([&](LLVM::AddressOfOp address) {
    auto variable = address.getGlobal(symbols);
    if (variable && isShared(variable.getAddrSpace()))
      uses[variable].push_back(address);
  });
  DataLayout layout = DataLayout::closest(kernel);
  uint64_t bytes = 0;
  auto place = [&](bool isDynamic) {
    for (auto &[op, addresses] : uses) {
      auto variable = cast<LLVM::GlobalOp>(op);
      uint64_t size = layout.getTypeSize(variable.getType()).getFixedValue();
      if ((size == 0) != isDynamic)
        continue;
      bytes = llvm::alignTo(bytes, kSharedAlignment);
      for (LLVM::AddressOfOp address : addresses) {
        OpBuilder builder(address);
        Location loc = address.getLoc();
        Type pointer = LLVM::LLVMPointerType::get(kernel.getContext());
        Value memory = calls.loadField(builder, loc, TORSH_EMULATED_THREAD(shared), pointer);
        memory = LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), memory,
                                     ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
        address.replaceAllUsesWith(
            Value(LLVM::AddrSpaceCastOp::create(builder, loc, address.getType(), memory)));
        address.erase();
      }
      bytes += size;
    }
  };
  place(/*isDynamic=*/false);
  place(/*isDynamic=*/true);
  kernel->setAttr("torsh.shared_bytes",
                  IntegerAttr::get(IntegerType::get(kernel.getContext(), 64), bytes));
}

static LogicalResult emulateKernel(LLVM::LLVMFuncOp kernel) {
  // Without the loads of the parameters, which are not accesses of the kernel's.
  SmallVector<Operation *> body;
  kernel.getBody().walk([&](Operation *op) { body.push_back(op); });
  FailureOr<Value> thread = lowerSignature(kernel);
  if (failed(thread))
    return failure();
  EmulatorCalls calls(kernel, *thread);
  for (Operation *op : body) {
    if (isa_and_nonnull<NVVM::NVVMDialect>(op->getDialect())) {
      if (failed(emulateInstruction(op, calls)))
        return failure();
    } else if (auto call = dyn_cast<LLVM::CallOp>(op)) {
      std::optional<StringRef> callee = call.getCallee();
      if (!callee || !callee->starts_with("__nv_"))
        return op->emitOpError("the CUDA emulator knows calls of libdevice only");
      if (failed(emulateLibdevice(call, *callee)))
        return failure();
    } else if (isa<LLVM::Trap>(op)) {
      OpBuilder builder(op);
      calls.call(builder, op->getLoc(), TORSH_EMULATOR_FUNCTION(trap), {}, {});
    } else if (isa<LLVM::InlineAsmOp, LLVM::CallIntrinsicOp>(op)) {
      return op->emitOpError("is not known to the CUDA emulator");
    } else {
      if (failed(instrumentAccess(op, calls)))
        return failure();
      emulateRounding(op, calls);
    }
  }
  placeSharedMemory(kernel, calls);
  return success();
}

/// The processor has one address space.
static void mergeAddressSpaces(Operation *module) {
  AttrTypeReplacer replacer;
  replacer.addReplacement(
      [](LLVM::LLVMPointerType type) { return LLVM::LLVMPointerType::get(type.getContext()); });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  module->walk([](LLVM::AddrSpaceCastOp cast) {
    cast.replaceAllUsesWith(cast.getArg());
    cast.erase();
  });
  module->walk([](LLVM::GlobalOp variable) { variable.setAddrSpace(0); });
}

namespace {

class EmulateNVVMPass : public torsh::impl::EmulateNVVMPassBase<EmulateNVVMPass> {
  void runOnOperation() override {
    mlir::gpu::GPUModuleOp module = getOperation();
    for (auto kernel : llvm::to_vector(module.getOps<LLVM::LLVMFuncOp>())) {
      if (kernel.isExternal())
        continue;
      if (!kernel->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName())) {
        kernel.emitError("the CUDA emulator knows kernels only, not functions that they call");
        return signalPassFailure();
      }
      if (failed(emulateKernel(kernel)))
        return signalPassFailure();
      for (NamedAttribute attribute : llvm::to_vector(kernel->getDiscardableAttrs()))
        if (attribute.getName().strref().starts_with("nvvm.") ||
            attribute.getName().strref().starts_with("gpu."))
          kernel->removeDiscardableAttr(attribute.getName());
    }
    for (auto function : llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>()))
      if (function.isExternal() && function.getSymName().starts_with("__nv_"))
        function.erase();
    for (auto variable : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
      if (isShared(variable.getAddrSpace()))
        variable.erase();
    mergeAddressSpaces(module);
  }
};

} // namespace
