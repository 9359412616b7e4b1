// SPDX-License-Identifier: Apache-2.0
// Gives kernels the parameters, memory and modules that SPIR-V wants.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERMETALSIGNATURESPASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

MemRefType inStorageClass(Type type, spirv::StorageClass storage) {
  auto memref = cast<MemRefType>(type);
  return MemRefType::Builder(memref).setMemorySpace(
      spirv::StorageClassAttr::get(type.getContext(), storage));
}

/// Buffers of the operands, then one of the extents where there are any.
FailureOr<SmallVector<Type>> getParameters(gpu::GPUFuncOp kernel) {
  SmallVector<Type> parameters;
  int64_t numSizes = 0;
  for (Type type : kernel.getArgumentTypes()) {
    if (isa<IndexType>(type)) {
      ++numSizes;
      continue;
    }
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref || memref.getRank() != 1 || !memref.getLayout().isIdentity())
      return kernel.emitOpError("has a parameter that is neither a row of a type nor an extent: ")
             << type;
    if (numSizes != 0)
      return kernel.emitOpError("has an operand behind an extent");
    parameters.push_back(inStorageClass(memref, spirv::StorageClass::StorageBuffer));
  }
  if (numSizes != 0) {
    auto sizes = MemRefType::get({numSizes}, IntegerType::get(kernel.getContext(), 32));
    parameters.push_back(inStorageClass(sizes, spirv::StorageClass::StorageBuffer));
  }
  return parameters;
}

LogicalResult lowerSignature(gpu::GPUFuncOp kernel) {
  DenseI32ArrayAttr block = kernel.getKnownBlockSizeAttr();
  if (!block)
    return kernel.emitOpError("has no known_block_size");
  FailureOr<SmallVector<Type>> parameters = getParameters(kernel);
  if (failed(parameters))
    return failure();

  OpBuilder builder(kernel);
  Location loc = kernel.getLoc();
  auto lowered =
      gpu::GPUFuncOp::create(builder, loc, kernel.getName(),
                             FunctionType::get(kernel.getContext(), *parameters, TypeRange()));
  for (NamedAttribute attribute : kernel->getDiscardableAttrs())
    if (attribute.getName() != gpu::GPUFuncOp::getNumWorkgroupAttributionsAttrName())
      lowered->setAttr(attribute.getName(), attribute.getValue());
  lowered->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  lowered.setKnownBlockSizeAttr(block);
  lowered->setAttr(spirv::getEntryPointABIAttrName(),
                   spirv::getEntryPointABIAttr(kernel.getContext(), block.asArrayRef()));

  Block &entry = lowered.getBody().front();
  builder.setInsertionPointToStart(&entry);
  SmallVector<Value> replacements;
  int64_t size = 0;
  // All of the block's arguments are the parameters, and then the attributions.
  for (BlockArgument argument :
       kernel.getArguments().take_front(kernel.getFunctionType().getNumInputs())) {
    if (!isa<IndexType>(argument.getType())) {
      replacements.push_back(entry.getArgument(argument.getArgNumber()));
      continue;
    }
    Value number = arith::ConstantIndexOp::create(builder, loc, size++);
    Value loaded =
        memref::LoadOp::create(builder, loc, entry.getArguments().back(), ValueRange{number});
    replacements.push_back(
        arith::IndexCastOp::create(builder, loc, builder.getIndexType(), loaded));
  }
  for (BlockArgument memory : kernel.getWorkgroupAttributions())
    replacements.push_back(memref::AllocOp::create(
        builder, loc, inStorageClass(memory.getType(), spirv::StorageClass::Workgroup)));
  for (BlockArgument memory : kernel.getPrivateAttributions())
    replacements.push_back(memref::AllocaOp::create(
        builder, loc, inStorageClass(memory.getType(), spirv::StorageClass::Function)));

  Block &body = kernel.getBody().front();
  for (auto [from, to] : llvm::zip_equal(body.getArguments(), replacements))
    from.replaceAllUsesWith(to);
  entry.getOperations().splice(entry.end(), body.getOperations());
  kernel.erase();

  WalkResult walk = lowered.walk([](Operation *op) {
    if (auto memory = dyn_cast<memref::AllocaOp>(op))
      memory.getResult().setType(inStorageClass(memory.getType(), spirv::StorageClass::Function));
    // The conversion would make a negative number of it.
    if (auto constant = dyn_cast<arith::ConstantIndexOp>(op);
        constant && !llvm::isInt<32>(constant.value())) {
      op->emitOpError("has the index ")
          << constant.value() << ", and indices have 32 bits on this target";
      return WalkResult::interrupt();
    }
    bool takesMemory =
        llvm::any_of(op->getOperandTypes(), [](Type type) { return isa<BaseMemRefType>(type); });
    if (takesMemory && !isa<memref::LoadOp, memref::StoreOp>(op)) {
      op->emitOpError("on memory is not supported: only memref.load and memref.store are");
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

class LowerMetalSignaturesPass
    : public torsh::impl::LowerMetalSignaturesPassBase<LowerMetalSignaturesPass> {
  void runOnOperation() override {
    auto modules = llvm::to_vector(getOperation().getOps<gpu::GPUModuleOp>());
    for (gpu::GPUModuleOp module : modules) {
      auto kernels = llvm::to_vector(module.getOps<gpu::GPUFuncOp>());
      Operation *last = module;
      for (auto [number, kernel] : llvm::enumerate(kernels)) {
        if (number != 0) {
          OpBuilder builder(&getContext());
          builder.setInsertionPointAfter(last);
          auto own = gpu::GPUModuleOp::create(builder, module.getLoc(),
                                              (module.getName() + "_" + Twine(number)).str());
          kernel->moveBefore(own.getBody(), own.getBody()->begin());
          last = own;
        }
        if (failed(lowerSignature(kernel)))
          return signalPassFailure();
      }
    }
  }
};

} // namespace
