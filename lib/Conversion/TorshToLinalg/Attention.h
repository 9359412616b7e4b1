// SPDX-License-Identifier: Apache-2.0
// Attention that is taken whole, to its form in kernels.

#ifndef TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_ATTENTION_H
#define TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_ATTENTION_H

#include "torshjit/Conversion/TorshToLinalg/TorshToLinalg.h"

namespace mlir::torsh {

void populateAttentionPatterns(const TypeConverter &types, RewritePatternSet &patterns);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_CONVERSION_TORSHTOLINALG_ATTENTION_H
