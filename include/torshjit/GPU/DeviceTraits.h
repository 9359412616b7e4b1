// SPDX-License-Identifier: Apache-2.0
// What lib/GPU has to know of a device. Numbers and abilities, no names.

#ifndef TORSHJIT_GPU_DEVICETRAITS_H
#define TORSHJIT_GPU_DEVICETRAITS_H

#include <cstdint>

namespace mlir::torsh::gpu {

class ContractionAtom;

struct DeviceTraits {
  /// Threads of a block at most.
  int64_t maxThreads = 256;
  /// Bytes of workgroup memory that a kernel may declare.
  int64_t workgroupBytes = 32 << 10;
  /// Threads that exchange values by gpu.shuffle; 0 where that is not to be used.
  int64_t subgroupSize = 0;
  /// Bytes that one access moves at best; 0 where neighbouring accesses of a thread
  /// gain nothing by being merged.
  int64_t vectorBytes = 0;
  /// Elements of a row up to which a thread's loops are unrolled; large where the
  /// target's compiler then keeps the row in registers.
  int64_t unroll = 4;
  /// Instructions for products of matrices that the device has besides its
  /// arithmetic; asked in order, null ends the list. Owned by the target.
  const ContractionAtom *const *atoms = nullptr;
};

} // namespace mlir::torsh::gpu

#endif // TORSHJIT_GPU_DEVICETRAITS_H
