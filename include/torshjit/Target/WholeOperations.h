// SPDX-License-Identifier: Apache-2.0
// What a target may be besides Target: one that takes composite operations whole.

#ifndef TORSHJIT_TARGET_WHOLEOPERATIONS_H
#define TORSHJIT_TARGET_WHOLEOPERATIONS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir::torsh {

/// A target without it has all composite operations decomposed before fusion.
class TakesWholeOperations {
public:
  virtual ~TakesWholeOperations() = default;
  /// The names of those that it takes whole, where they can stay so.
  virtual llvm::ArrayRef<llvm::StringLiteral> getWholeOperations() const = 0;
};

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_WHOLEOPERATIONS_H
