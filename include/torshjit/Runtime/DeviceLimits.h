// SPDX-License-Identifier: Apache-2.0
// What a device demands of the memory that programs plan for it.
#ifndef TORSHJIT_RUNTIME_DEVICELIMITS_H
#define TORSHJIT_RUNTIME_DEVICELIMITS_H

#include "torshjit/Runtime/MemoryPlan.h"

#include <cstddef>
#include <limits>

namespace torsh::runtime {

struct DeviceLimits {
  /// Of every buffer; a power of two and at least kBufferAlignment.
  size_t alignment = kBufferAlignment;
  /// Of one operand of a kernel.
  size_t maxBufferBytes = std::numeric_limits<size_t>::max();
};

inline size_t alignUp(size_t bytes, size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_DEVICELIMITS_H
