// SPDX-License-Identifier: Apache-2.0
// Says which buffers are read only and which arithmetic is exact.

#include "mlir/IR/SymbolTable.h"
#include "torshjit/Target/Metal/Transforms/Passes.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_DECORATESPIRVPASS
#include "torshjit/Target/Metal/Transforms/Passes.h.inc"
} // namespace mlir::torsh

namespace {

/// The variable that a pointer points into, or an empty name.
StringRef getVariable(Value pointer) {
  while (auto chain = pointer.getDefiningOp<spirv::AccessChainOp>())
    pointer = chain.getBasePtr();
  auto address = pointer.getDefiningOp<spirv::AddressOfOp>();
  return address ? address.getVariable() : StringRef();
}

class DecorateSPIRVPass : public torsh::impl::DecorateSPIRVPassBase<DecorateSPIRVPass> {
public:
  using DecorateSPIRVPassBase::DecorateSPIRVPassBase;

private:
  void runOnOperation() override {
    UnitAttr unit = UnitAttr::get(&getContext());
    llvm::StringSet<> written;
    getOperation().walk([&](Operation *op) {
      if (auto store = dyn_cast<spirv::StoreOp>(op))
        written.insert(getVariable(store.getPtr()));
      else if (exact && isa<spirv::FAddOp, spirv::FSubOp, spirv::FMulOp, spirv::FDivOp,
                            spirv::FRemOp, spirv::FNegateOp>(op))
        op->setAttr("no_contraction", unit);
    });
    for (auto variable : getOperation().getOps<spirv::GlobalVariableOp>())
      if (variable.storageClass() == spirv::StorageClass::StorageBuffer &&
          !written.contains(variable.getSymName()))
        variable->setAttr("non_writable", unit);
  }
};

} // namespace
