// SPDX-License-Identifier: Apache-2.0
// Gives kernels bare pointers, extents and a worker.

#include "RowMajorView.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
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
      SmallVector<OpFoldResult> sizes;
      for (int64_t extent : type.getShape()) {
        if (!ShapedType::isDynamic(extent)) {
          sizes.push_back(builder.getIndexAttr(extent));
          continue;
        }
        types.push_back(builder.getIndexType());
        sizes.push_back(Value(entry.addArgument(types.back(), loc)));
      }
      rebuilt.push_back(viewRowMajor(builder, loc, pointer, type, sizes));
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
};

} // namespace
