// SPDX-License-Identifier: Apache-2.0
// Copies staged tiles to workgroup memory in the background.

#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "torshjit/GPU/ContractionAtom.h"
#include "torshjit/Target/CUDA/Transforms/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_COPYASYNCHRONOUSLYPASS
#include "torshjit/Target/CUDA/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

class CopyAsynchronouslyPass
    : public torsh::impl::CopyAsynchronouslyPassBase<CopyAsynchronouslyPass> {
  void runOnOperation() override {
    SmallVector<vector::StoreOp> stores;
    getOperation().walk([&](vector::StoreOp store) {
      if (store->hasAttr(torsh::gpu::kAsyncCopyAttrName))
        stores.push_back(store);
    });
    for (vector::StoreOp store : stores)
      replace(store);
  }

  static void replace(vector::StoreOp store) {
    auto load = store.getValueToStore().getDefiningOp<vector::LoadOp>();
    if (!load || !load->hasOneUse() || load->getBlock() != store->getBlock())
      return;
    // The instruction demands of both addresses that they are multiples of what it moves.
    VectorType type = load.getVectorType();
    uint64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
    if ((bytes != 4 && bytes != 8 && bytes != 16) || load.getAlignment() != bytes ||
        store.getAlignment() != bytes)
      return;
    OpBuilder builder(store);
    // What is read once needs no place in the first cache; copies of 16 bytes can pass
    // it by.
    UnitAttr bypass = bytes == 16 ? builder.getUnitAttr() : UnitAttr();
    nvgpu::DeviceAsyncCopyOp::create(
        builder, store.getLoc(), nvgpu::DeviceAsyncTokenType::get(builder.getContext()),
        store.getBase(), store.getIndices(), load.getBase(), load.getIndices(),
        builder.getIndexAttr(type.getNumElements()), /*srcElements=*/Value(), bypass);
    store.erase();
    load.erase();
  }
};

} // namespace
