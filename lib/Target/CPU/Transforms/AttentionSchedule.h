// SPDX-License-Identifier: Apache-2.0
// The schedule of a kernel that is attention.

#ifndef TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_ATTENTIONSCHEDULE_H
#define TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_ATTENTIONSCHEDULE_H

#include "torshjit/Dialect/Torsh/IR/TorshAttention.h"

namespace mlir::torsh {

/// `block` is the queries of a tile and the keys of a block, `register_tile` the keys and the
/// vectors of queries whose scores are in registers, `vector` the elements of a vector. There
/// is a `tile` where tiles are worth several threads.
ScheduleAttr selectAttentionSchedule(StreamedAttentionOp op, int64_t vectorBits);

} // namespace mlir::torsh

#endif // TORSHJIT_LIB_TARGET_CPU_TRANSFORMS_ATTENTIONSCHEDULE_H
