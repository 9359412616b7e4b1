// SPDX-License-Identifier: Apache-2.0
// Gives kernels bare pointers, extents and a worker.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERCPUSIGNATURESPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

namespace {

class LowerCPUSignaturesPass
    : public torsh::impl::LowerCPUSignaturesPassBase<LowerCPUSignaturesPass> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel))
      return;
    OpBuilder builder(&getContext());
    Block &entry = kernel.getBody().front();
    builder.setInsertionPointToStart(&entry);
    Location loc = kernel.getLoc();
    SmallVector<BlockArgument> memrefs(entry.getArguments());

    SmallVector<Type> types;
    SmallVector<BlockArgument> pointers;
    for (BlockArgument argument : memrefs) {
      auto type = cast<MemRefType>(argument.getType());
      types.push_back(MemRefType::get({}, type.getElementType()));
      pointers.push_back(entry.addArgument(types.back(), loc));
    }
    SmallVector<Value> rebuilt;
    for (auto [argument, pointer] : llvm::zip_equal(memrefs, pointers)) {
      auto type = cast<MemRefType>(argument.getType());
      if (type.getRank() == 0) {
        rebuilt.push_back(pointer);
        continue;
      }
      SmallVector<OpFoldResult> sizes, strides(type.getRank());
      for (int64_t extent : type.getShape()) {
        if (!ShapedType::isDynamic(extent)) {
          sizes.push_back(builder.getIndexAttr(extent));
          continue;
        }
        types.push_back(builder.getIndexType());
        sizes.push_back(Value(entry.addArgument(types.back(), loc)));
      }
      // Row-major strides; the outermost extent is in none of them.
      OpFoldResult stride = builder.getIndexAttr(1);
      for (int64_t axis = type.getRank(); axis-- > 0;) {
        strides[axis] = stride;
        if (axis)
          stride = multiply(builder, loc, stride, sizes[axis]);
      }
      SmallVector<int64_t> staticStrides;
      for (OpFoldResult value : strides)
        staticStrides.push_back(getConstantIntValue(value).value_or(ShapedType::kDynamic));
      auto viewType = MemRefType::get(type.getShape(), type.getElementType(),
                                      StridedLayoutAttr::get(&getContext(), 0, staticStrides));
      Value view = memref::ReinterpretCastOp::create(builder, loc, viewType, pointer,
                                                     builder.getIndexAttr(0), sizes, strides);
      if (viewType != type)
        view = memref::CastOp::create(builder, loc, type, view);
      rebuilt.push_back(view);
    }
    types.push_back(LLVM::LLVMPointerType::get(&getContext()));
    entry.addArgument(types.back(), loc);
    for (auto [argument, value] : llvm::zip_equal(memrefs, rebuilt))
      argument.replaceAllUsesWith(value);
    entry.eraseArguments(0, memrefs.size());
    kernel.setType(builder.getFunctionType(types, {}));
    // Inputs are only read, and results overlap nothing: the runtime sees to it.
    for (auto [number, pointer] : llvm::enumerate(pointers))
      kernel.setArgAttr(number, "llvm.noalias", builder.getUnitAttr());
    kernel->setAttr("torsh.num_pointers", builder.getI64IntegerAttr(pointers.size()));
  }

  static OpFoldResult multiply(OpBuilder &builder, Location loc, OpFoldResult x, OpFoldResult y) {
    std::optional<int64_t> left = getConstantIntValue(x), right = getConstantIntValue(y);
    if (left && right)
      return builder.getIndexAttr(*left * *right);
    Value a = getValueOrCreateConstantIndexOp(builder, loc, x);
    Value b = getValueOrCreateConstantIndexOp(builder, loc, y);
    return arith::MulIOp::create(builder, loc, a, b).getResult();
  }
};

} // namespace
