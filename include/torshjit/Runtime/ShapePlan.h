// SPDX-License-Identifier: Apache-2.0
// A program with all its extents known: sizes, offsets, result shapes.
#ifndef TORSHJIT_RUNTIME_SHAPEPLAN_H
#define TORSHJIT_RUNTIME_SHAPEPLAN_H

#include "torshjit/Runtime/DeviceLimits.h"
#include "torshjit/Runtime/MemoryPlan.h"
#include "torshjit/Runtime/Program.h"

#include <cstdint>
#include <vector>

namespace torsh::runtime {

/// What the host's arguments and results take in device memory of their own.
struct StagingPlan {
  std::vector<size_t> inputBytes;
  std::vector<size_t> resultBytes;
};

struct ShapePlan {
  /// The extents of Program::dynamicAxes; equal keys, equal plans.
  std::vector<int64_t> key;
  std::vector<size_t> bufferBytes;
  /// Offsets in the arena of Program::temporaries.
  MemoryPlan memory;
  /// Empty where the device has host memory.
  StagingPlan staging;
  /// The sizes of all launches, one after another.
  std::vector<int64_t> sizes;
  std::vector<std::vector<int64_t>> resultShapes;
  /// Bytes of all operands of all steps: what decides whether a call is long
  /// enough to let other threads run meanwhile.
  size_t traffic = 0;
};

/// Shapes of the arguments, one pointer per program input, each to as many
/// extents as the signature has.
using InputShapes = const int64_t *const *;

/// Throws Error(Shape) when an extent contradicts the signature or a check, or
/// a buffer exceeds the limits.
ShapePlan makeShapePlan(const Program &program, InputShapes shapes,
                        const DeviceLimits &limits = {});

/// For calls with host arrays on a device without host memory.
StagingPlan planStaging(const Program &program, const ShapePlan &plan, const DeviceLimits &limits);

/// Bytes of a type without dynamic extents; throws Error(Shape) on overflow.
size_t staticByteSize(const TensorType &type);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_SHAPEPLAN_H
