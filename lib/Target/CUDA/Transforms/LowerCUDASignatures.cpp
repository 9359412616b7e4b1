// SPDX-License-Identifier: Apache-2.0
// Gives kernels bare pointers, and says what is known of them.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "torshjit/Target/CUDA/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERCUDASIGNATURESPASS
#include "torshjit/Target/CUDA/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

class LowerCUDASignaturesPass
    : public torsh::impl::LowerCUDASignaturesPassBase<LowerCUDASignaturesPass> {
  void runOnOperation() override {
    gpu::GPUFuncOp kernel = getOperation();
    if (!kernel.isKernel())
      return;
    auto numInputs = kernel->getAttrOfType<IntegerAttr>("torsh.num_inputs");
    if (!numInputs) {
      kernel.emitError("a kernel must say how many of its operands are inputs (torsh.num_inputs)");
      return signalPassFailure();
    }
    auto demanded = kernel->getAttrOfType<IntegerAttr>("torsh.alignment");
    OpBuilder builder = OpBuilder::atBlockBegin(&kernel.getBody().front());
    SmallVector<Type> types(kernel.getArgumentTypes());
    // Attributions are arguments of the block too, after the function's own.
    for (auto [number, argument] :
         llvm::enumerate(kernel.getArguments().take_front(kernel.getNumArguments()))) {
      auto type = dyn_cast<MemRefType>(argument.getType());
      if (!type)
        continue;
      if (type.getRank() != 1 || !type.getLayout().isIdentity()) {
        kernel.emitError("operands of kernels must be contiguous and of one axis, not ") << type;
        return signalPassFailure();
      }
      types[number] =
          MemRefType::get({}, type.getElementType(), AffineMap(), type.getMemorySpace());
      SmallVector<Operation *> users(argument.getUsers());
      if (type.isDynamicDim(0) && llvm::any_of(users, llvm::IsaPred<memref::DimOp>)) {
        kernel.emitError("extents of operands are arguments of a kernel, not part of the operand");
        return signalPassFailure();
      }
      argument.setType(types[number]);
      // Nothing asks for an extent that is not known.
      int64_t extent = type.isDynamicDim(0) ? 0 : type.getDimSize(0);
      OpFoldResult size = builder.getIndexAttr(extent);
      if (type.isDynamicDim(0))
        size = Value(arith::ConstantIndexOp::create(builder, kernel.getLoc(), extent));
      Value view = memref::ReinterpretCastOp::create(
          builder, kernel.getLoc(), type, argument, OpFoldResult(builder.getIndexAttr(0)),
          ArrayRef<OpFoldResult>(size), ArrayRef<OpFoldResult>(builder.getIndexAttr(1)));
      for (Operation *user : users)
        user->replaceUsesOfWith(argument, view);
      describe(kernel, number, static_cast<int64_t>(number) < numInputs.getInt(),
               demanded ? demanded.getInt() : getBytes(type.getElementType()));
    }
    kernel.setFunctionType(builder.getFunctionType(types, {}));
  }

  static int64_t getBytes(Type element) {
    return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
  }

  void describe(gpu::GPUFuncOp kernel, unsigned number, bool isInput, int64_t alignment) {
    Builder builder(&getContext());
    auto setAttr = [&](StringRef name, Attribute value) { kernel.setArgAttr(number, name, value); };
    setAttr(LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    if (isInput)
      setAttr(LLVM::LLVMDialect::getReadonlyAttrName(), builder.getUnitAttr());
    setAttr(LLVM::LLVMDialect::getAlignAttrName(), builder.getI64IntegerAttr(alignment));
  }
};

} // namespace
