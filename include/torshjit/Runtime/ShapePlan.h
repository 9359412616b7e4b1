// SPDX-License-Identifier: Apache-2.0
// A program with all its extents known: sizes, offsets, result shapes.
#ifndef TORSHJIT_RUNTIME_SHAPEPLAN_H
#define TORSHJIT_RUNTIME_SHAPEPLAN_H

#include "torshjit/Runtime/MemoryPlan.h"
#include "torshjit/Runtime/Program.h"

#include <cstdint>
#include <vector>

namespace torsh::runtime {

struct ShapePlan {
  /// The extents of Program::dynamicAxes; equal keys, equal plans.
  std::vector<int64_t> key;
  std::vector<size_t> bufferBytes;
  /// Offsets in the arena of Program::temporaries.
  MemoryPlan memory;
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

/// Throws Error(Shape) when an extent contradicts the signature or a check.
ShapePlan makeShapePlan(const Program &program, InputShapes shapes);

/// Bytes of a type without dynamic extents; throws Error(Shape) on overflow.
size_t staticByteSize(const TensorType &type);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_SHAPEPLAN_H
