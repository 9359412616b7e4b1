// SPDX-License-Identifier: Apache-2.0
// One order for the operands of commutative operations, so that CSE merges them.

#include "mlir/IR/Matchers.h"
#include "torshjit/Dialect/Torsh/Transforms/Simplify/Patterns.h"

using namespace mlir;
using namespace mlir::torsh;

// Not a pattern: the place of operations in their block, asked for while a rewrite
// inserts and erases others, would be counted anew each time.
void mlir::torsh::orderCommutativeOperands(Operation *root) {
  // Values by where they are defined: what an operation can use comes before it.
  DenseMap<Value, int64_t> position;
  auto addPosition = [&](Value value) {
    position.try_emplace(value, static_cast<int64_t>(position.size()));
  };
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    llvm::for_each(op->getResults(), addPosition);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), addPosition);
    if (!isa<ElementwiseOpInterface>(op) || !op->hasTrait<OpTrait::IsCommutative>() ||
        op->getNumOperands() != 2)
      return;
    Value lhs = op->getOperand(0), rhs = op->getOperand(1);
    // Constants come last. A value from outside `root` has no position and, like
    // one that is defined later in a graph region, leaves the operands as they are.
    bool lhsIsConstant = matchPattern(lhs, m_Constant());
    bool rhsIsConstant = matchPattern(rhs, m_Constant());
    if (lhsIsConstant != rhsIsConstant ? !lhsIsConstant
                                       : !position.contains(lhs) || !position.contains(rhs) ||
                                             position.lookup(lhs) <= position.lookup(rhs))
      return;
    op->setOperands({rhs, lhs});
  });
}
