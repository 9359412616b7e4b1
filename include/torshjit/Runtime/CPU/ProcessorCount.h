// SPDX-License-Identifier: Apache-2.0
// How many threads this process may run at once.
#ifndef TORSHJIT_RUNTIME_CPU_PROCESSORCOUNT_H
#define TORSHJIT_RUNTIME_CPU_PROCESSORCOUNT_H

#include <optional>
#include <string>

namespace torsh::runtime {

/// Processors granted by the cgroup's bandwidth limit (v1 or v2, the tightest
/// of the group and its ancestors); nothing when there is no limit.
/// `cgroupFile` is /proc/self/cgroup, `cgroupRoot` /sys/fs/cgroup.
std::optional<double> cgroupProcessorQuota(const std::string &cgroupFile,
                                           const std::string &cgroupRoot);

/// The affinity mask bounded by the cgroup quota, at least 1.
int availableProcessors();

/// TORSHJIT_NUM_THREADS, else availableProcessors(). Throws Error(Option) when
/// the variable is not a positive integer.
int defaultThreadCount();

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CPU_PROCESSORCOUNT_H
