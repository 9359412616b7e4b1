// SPDX-License-Identifier: Apache-2.0
// Counters over all executables of the process.
#ifndef TORSHJIT_RUNTIME_PROCESSSTATISTICS_H
#define TORSHJIT_RUNTIME_PROCESSSTATISTICS_H

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace torsh::runtime {

struct ProcessStatistics {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> nanoseconds{0};
  std::atomic<int64_t> arenaBytes{0};
  std::atomic<int64_t> constantBytes{0};
  std::atomic<int64_t> executables{0};

  static ProcessStatistics &global();
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_PROCESSSTATISTICS_H
