// SPDX-License-Identifier: Apache-2.0
// Kernels of torsh operations to functions of linalg operations.

#ifndef TORSHJIT_CONVERSION_TORSHTOLINALG_TORSHTOLINALG_H
#define TORSHJIT_CONVERSION_TORSHTOLINALG_TORSHTOLINALG_H

#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::torsh {

#define GEN_PASS_DECL
#include "torshjit/Conversion/TorshToLinalg/Passes.h.inc"

/// Inside a kernel a tensor has no extents that are statically 1: a loop over
/// one iteration is no loop, and a broadcast along one is no index. So every
/// indexing map of a kernel is a projected permutation (windows apart), which
/// is what tiling and fusion work on. Nor has it unsigned integers: they become
/// those without a sign, as they are stored.
class SqueezedTypeConverter : public TypeConverter {
public:
  SqueezedTypeConverter();
};

/// The axes of `type` that stay when it is squeezed.
SmallVector<int64_t> keptAxes(ShapedType type);

/// `type` without its unit axes, its elements as they are stored.
RankedTensorType squeeze(RankedTensorType type);

void populateKernelPatterns(const TypeConverter &types, RewritePatternSet &patterns);
void populateElementwisePatterns(const TypeConverter &types, RewritePatternSet &patterns);
void populateContractionPatterns(const TypeConverter &types, RewritePatternSet &patterns);
void populateReductionPatterns(const TypeConverter &types, RewritePatternSet &patterns);
void populateWindowPatterns(const TypeConverter &types, RewritePatternSet &patterns);
void populateMovementPatterns(const TypeConverter &types, RewritePatternSet &patterns);
void populateIndexingPatterns(const TypeConverter &types, RewritePatternSet &patterns);
void populateOrderingPatterns(const TypeConverter &types, RewritePatternSet &patterns);

#define GEN_PASS_REGISTRATION
#include "torshjit/Conversion/TorshToLinalg/Passes.h.inc"

} // namespace mlir::torsh

#endif // TORSHJIT_CONVERSION_TORSHTOLINALG_TORSHTOLINALG_H
