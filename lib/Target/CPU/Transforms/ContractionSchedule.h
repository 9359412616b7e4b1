// SPDX-License-Identifier: Apache-2.0
// The numbers of a contraction's schedule, from its extents and the machine's caches.

#ifndef TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_CONTRACTIONSCHEDULE_H
#define TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_CONTRACTIONSCHEDULE_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace mlir::torsh::cpu {

/// What code is planned for.
struct Machine {
  int64_t threads = 1;
  int64_t vectorBits = 128;
  int64_t level1 = 32 << 10, level2 = 1 << 20; // bytes of the caches of one core
  /// Of the processor, for instructions for dot products (DotForms.h).
  ArrayRef<std::string> dotFeatures;
};

/// Fields of a ScheduleAttr.
struct ContractionSchedule {
  SmallVector<int64_t> registerTile, block;
  SmallVector<int64_t> tile; // of the axes of the contraction's result; 0 is all of one
  /// Whether several integers of the depth are multiplied and added by one instruction.
  bool groupsIntegers = false;
};

/// What a '?' extent is taken to be.
inline constexpr int64_t kAssumedExtent = 256;
/// In place of a number that says how an operand is packed: another kernel packs it.
inline constexpr int64_t kGivenPanels = 3;

/// `given` is the input that another kernel packs, if one does.
ContractionSchedule scheduleContraction(linalg::GenericOp contraction, const Machine &machine,
                                        std::optional<unsigned> given = std::nullopt);

/// The input whose rows are the rows of the register tile; that of the columns is the other one.
unsigned getRowsInput(linalg::GenericOp contraction);

} // namespace mlir::torsh::cpu

#endif // TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_CONTRACTIONSCHEDULE_H
