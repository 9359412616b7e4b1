// SPDX-License-Identifier: Apache-2.0
// Values that are the same at every call of a program.

#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace mlir::torsh;

static bool isFrozenArgument(BlockArgument argument) {
  auto function = dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
  return function && !isa<KernelOp>(function) && argument.getOwner()->isEntryBlock() &&
         function.getArgAttr(argument.getArgNumber(), kFrozenAttrName);
}

bool torsh::isFixed(Value value) {
  llvm::SmallPtrSet<Operation *, 16> seen;
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Value next = pending.pop_back_val();
    // An extent that only a call tells is none that can be computed before it.
    if (auto type = dyn_cast<ShapedType>(next.getType()); type && !type.hasStaticShape())
      return false;
    auto argument = dyn_cast<BlockArgument>(next);
    if (argument && !isFrozenArgument(argument))
      return false;
    Operation *op = next.getDefiningOp();
    if (argument || !seen.insert(op).second)
      continue;
    if (isa<HostCallOp>(op) || op->getNumRegions() || !isPure(op))
      return false;
    llvm::append_range(pending, op->getOperands());
  }
  return true;
}

SmallVector<LaunchOp> torsh::getLaunches(Operation *kernel) {
  StringAttr name = SymbolTable::getSymbolName(kernel);
  SmallVector<LaunchOp> launches;
  kernel->getParentOp()->walk([&](LaunchOp launch) {
    if (launch.getKernelAttr().getAttr() == name)
      launches.push_back(launch);
  });
  return launches;
}

bool torsh::isFixedInEveryLaunch(Operation *kernel, unsigned input) {
  SmallVector<LaunchOp> launches = getLaunches(kernel);
  return !launches.empty() && llvm::all_of(launches, [&](LaunchOp launch) {
    return isFixed(launch.getInputs()[input]);
  });
}
