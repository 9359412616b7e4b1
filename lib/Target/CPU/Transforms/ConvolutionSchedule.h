// SPDX-License-Identifier: Apache-2.0
// The numbers of convolutions on the CPU.

#ifndef TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_CONVOLUTIONSCHEDULE_H
#define TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_CONVOLUTIONSCHEDULE_H

#include "ContractionSchedule.h"

namespace mlir::torsh::cpu {

struct ConvolutionSchedule {
  /// One entry for each axis of the convolution's result; 0 is all of it.
  SmallVector<int64_t> tile;
  /// Rows and lanes, or positions and outputs, that are summed at a time in registers.
  SmallVector<int64_t> registerTile;
  /// Places of the window and channels whose filters are read before the next ones.
  int64_t depth = 256;
  /// Whether vectors run along the outputs, so that filters are packed.
  bool isAlongOutputs = false;
};

/// The schedule of a contraction with a window or a stride, or none where it is computed as the
/// matrix product that `product` is the schedule of: so are convolutions of bytes.
std::optional<ConvolutionSchedule> scheduleConvolution(linalg::GenericOp contraction,
                                                       const Machine &machine,
                                                       const ContractionSchedule &product);

} // namespace mlir::torsh::cpu

#endif // TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_CONVOLUTIONSCHEDULE_H
