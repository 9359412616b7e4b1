// SPDX-License-Identifier: Apache-2.0
// Host memory, 64-byte aligned, on huge pages where it is large.
#ifndef TORSHJIT_RUNTIME_CPU_ALIGNEDMEMORY_H
#define TORSHJIT_RUNTIME_CPU_ALIGNEDMEMORY_H

#include <cstddef>

namespace torsh::runtime {

/// Throws std::bad_alloc. Zero bytes give a pointer that may be freed.
void *allocateAligned(size_t bytes);
/// `bytes` as given to allocateAligned.
void freeAligned(void *memory, size_t bytes) noexcept;

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CPU_ALIGNEDMEMORY_H
