// SPDX-License-Identifier: Apache-2.0
// What arithmetic on elements is on tensors, operation by operation.

#ifndef TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_ELEMENTRULES_H
#define TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_ELEMENTRULES_H

#include "TensorBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::torsh {

/// Builds the one result of an operation from its operands, which broadcast; null where
/// that form of it is not covered.
using ElementRule = Value (*)(TensorBuilder &t, Operation *op, ArrayRef<Value> x);

class ElementRules {
public:
  template <typename OpTy> void add(ElementRule rule) { rules[OpTy::getOperationName()] = rule; }
  ElementRule find(Operation *op) const { return rules.lookup(op->getName().getStringRef()); }

private:
  llvm::StringMap<ElementRule> rules;
};

void populateIntegerRules(ElementRules &rules);
void populateFloatRules(ElementRules &rules);
void populateConversionRules(ElementRules &rules);
void populateMathRules(ElementRules &rules);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_UPSTREAMTOTORSH_ELEMENTRULES_H
