// SPDX-License-Identifier: Apache-2.0
// What of an image is a margin of zeros.

#ifndef TORSHJIT_LIB_BUFFER_IMAGEMARGIN_H
#define TORSHJIT_LIB_BUFFER_IMAGEMARGIN_H

#include "mlir/IR/OpDefinition.h"

namespace mlir::torsh {

/// For each axis of an image what lies before the elements that are not margin, and how many
/// these are.
struct ImageMargin {
  SmallVector<OpFoldResult> low, count;
};

/// The margin of an image that is written by filling it, or slabs of it, with zeros, and by one
/// copy of what is inside. Fails for other images. Views that nothing uses yet do not matter.
FailureOr<ImageMargin> findMargin(Value image);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_BUFFER_IMAGEMARGIN_H
