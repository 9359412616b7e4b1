// SPDX-License-Identifier: Apache-2.0
// Affinity mask, cgroup quota, environment.
#include "torshjit/Runtime/CPU/ProcessorCount.h"

#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <thread>
#include <vector>

namespace torsh::runtime {
namespace {
constexpr int kMaxThreads = 1024;

std::string readLine(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// cpu.max holds "quota period" or "max period".
std::optional<double> quotaV2(const std::string &folder) {
  std::istringstream line(readLine(folder + "/cpu.max"));
  double quota = 0, period = 0;
  if (line >> quota >> period && quota > 0 && period > 0)
    return quota / period;
  return std::nullopt;
}

std::optional<double> quotaV1(const std::string &folder) {
  std::istringstream quotaLine(readLine(folder + "/cpu.cfs_quota_us"));
  std::istringstream periodLine(readLine(folder + "/cpu.cfs_period_us"));
  double quota = 0, period = 0;
  if (quotaLine >> quota && periodLine >> period && quota > 0 && period > 0)
    return quota / period;
  return std::nullopt;
}

using QuotaReader = std::optional<double> (*)(const std::string &);

/// The tightest limit from the group up to the root. In a container the path
/// of the host may not exist below the mount; its own limit is at the root.
std::optional<double> tightest(const std::string &mount, std::string group, QuotaReader read) {
  std::optional<double> quota;
  while (true) {
    if (std::optional<double> q = read(mount + group))
      quota = std::min(quota.value_or(*q), *q);
    if (group.empty())
      return quota;
    group.erase(group.find_last_of('/') == std::string::npos ? 0 : group.find_last_of('/'));
  }
}

bool listsCpu(const std::string &controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');)
    if (name == "cpu")
      return true;
  return false;
}
} // namespace

std::optional<double> cgroupProcessorQuota(const std::string &cgroupFile,
                                           const std::string &cgroupRoot) {
  std::ifstream file(cgroupFile);
  std::optional<double> quota;
  auto take = [&](std::optional<double> q) {
    if (q)
      quota = std::min(quota.value_or(*q), *q);
  };
  // Each line is hierarchy:controllers:path.
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':');
    size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/")
      group.clear();
    if (controllers.empty()) {
      take(tightest(cgroupRoot, group, quotaV2));
      take(tightest(cgroupRoot + "/unified", group, quotaV2));
    } else if (listsCpu(controllers)) {
      take(tightest(cgroupRoot + "/cpu", group, quotaV1));
      take(tightest(cgroupRoot + "/" + controllers, group, quotaV1));
    }
  }
  return quota;
}

int availableProcessors() {
  int processors = 0;
#ifdef __linux__
  // Grown until it is large enough: machines may have more than 1,024 CPUs.
  for (int capacity = 1024; capacity <= (1 << 16); capacity *= 4) {
    cpu_set_t *mask = CPU_ALLOC(capacity);
    size_t bytes = CPU_ALLOC_SIZE(capacity);
    bool known = mask && sched_getaffinity(0, bytes, mask) == 0;
    if (known)
      processors = CPU_COUNT_S(bytes, mask);
    CPU_FREE(mask);
    if (known)
      break;
  }
  if (std::optional<double> quota = cgroupProcessorQuota("/proc/self/cgroup", "/sys/fs/cgroup"))
    processors =
        std::min(processors, static_cast<int>(std::ceil(std::min(*quota, double(kMaxThreads)))));
#else
  processors = static_cast<int>(std::thread::hardware_concurrency());
#endif
  return std::clamp(processors, 1, kMaxThreads);
}

int defaultThreadCount() {
  const char *text = std::getenv("TORSHJIT_NUM_THREADS");
  if (!text || !*text)
    return availableProcessors();
  char *end = nullptr;
  long count = std::strtol(text, &end, 10);
  if (*end || count < 1 || count > kMaxThreads)
    throw Error(ErrorKind::Option, "TORSHJIT_NUM_THREADS: expected an integer from 1 to " +
                                       std::to_string(kMaxThreads) + ", got \"" +
                                       std::string(text) + "\"");
  return static_cast<int>(count);
}

} // namespace torsh::runtime
