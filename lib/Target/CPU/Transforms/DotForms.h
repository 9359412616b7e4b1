// SPDX-License-Identifier: Apache-2.0
// The instructions that multiply and add neighbours of the depth into 32-bit sums, as data.

#ifndef TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_DOTFORMS_H
#define TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_DOTFORMS_H

#include "torshjit/Buffer/DepthGroups.h"
#include <string>

namespace mlir::torsh::cpu {

struct DotForm {
  /// What it multiplies; the kinds of bytes are those without sign in neither operand, in both
  /// and in one of them.
  enum class Elements { BF16, SignedBytes, UnsignedBytes, MixedBytes, Halfwords };

  /// LLVM's name of the feature of processors that have it. No two architectures share one.
  llvm::StringLiteral feature;
  Elements elements;
  int64_t step; // neighbours that are multiplied and added into one sum
  int64_t bits; // of a vector register
  llvm::StringLiteral intrinsic;
  /// Whether the intrinsic takes the sums that are added to; else its result is added to them.
  bool accumulates = true;

  int64_t getLanes() const { return bits / 32; }
};

/// From the best one of each kind of elements to the worst, the widest first.
llvm::ArrayRef<DotForm> getDotForms();

/// The features of a processor that the table asks for.
llvm::SmallVector<std::string> getDotFeatures(llvm::function_ref<bool(llvm::StringRef)> has);

/// How a product is grouped for the best of the instructions that processors with `features`
/// have; none where there is no use for any.
std::optional<DepthGrouping> groupForDots(const ProductElements &elements,
                                          llvm::ArrayRef<std::string> features);

} // namespace mlir::torsh::cpu

#endif // TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_DOTFORMS_H
