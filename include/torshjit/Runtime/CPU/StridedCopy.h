// SPDX-License-Identifier: Apache-2.0
// Arguments that are not contiguous: kernels read a copy that is.
#ifndef TORSHJIT_RUNTIME_CPU_STRIDEDCOPY_H
#define TORSHJIT_RUNTIME_CPU_STRIDEDCOPY_H

#include <cstddef>
#include <cstdint>

namespace torsh::runtime {

/// Copies an array of any strides to contiguous, row-major memory, with all threads where it is
/// large. An element has 1, 2, 4, 8 or 16 bytes and is aligned to as many, 8 at most; `strides`
/// are in bytes, of any sign, 0 for repeated elements. The two may not overlap.
void copyStrided(void *destination, const void *source, size_t elementBytes, size_t rank,
                 const int64_t *shape, const int64_t *strides);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CPU_STRIDEDCOPY_H
