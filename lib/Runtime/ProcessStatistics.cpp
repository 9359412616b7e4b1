// SPDX-License-Identifier: Apache-2.0
// Storage of the process-wide counters.
#include "torshjit/Runtime/ProcessStatistics.h"

namespace torsh::runtime {

ProcessStatistics &ProcessStatistics::global() {
  // Never destroyed: executables may outlive static destructors.
  static auto *statistics = new ProcessStatistics;
  return *statistics;
}

} // namespace torsh::runtime
