// SPDX-License-Identifier: Apache-2.0
// The extension module torshjit._runtime.
#include "DeviceArray.h"
#include "Dispatcher.h"
#include "ErrorClasses.h"
#include "ExecutableBinding.h"
#include "KernelBundleBinding.h"
#include "MemoryAssumptions.h"
#include "NumPyArrays.h"
#include "PythonDevice.h"
#include "TorchTensors.h"
#include "torshjit/Runtime/CPU/ProcessorCount.h"
#include "torshjit/Runtime/CPU/ThreadPool.h"
#include "torshjit/Runtime/MemoryPlan.h"
#include "torshjit/Runtime/OutputPool.h"
#include "torshjit/Runtime/ProcessStatistics.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace torsh;

namespace {

nb::dict processStatistics() {
  auto &process = runtime::ProcessStatistics::global();
  runtime::OutputPool::Statistics pool = runtime::OutputPool::global().statistics();
  nb::dict result;
  result["calls"] = process.calls.load();
  result["total_time_us"] = static_cast<double>(process.nanoseconds.load()) / 1000;
  result["executables"] = process.executables.load();
  result["arena_bytes"] = process.arenaBytes.load();
  result["constant_bytes"] = process.constantBytes.load();
  result["output_pool_live_bytes"] = pool.liveBytes;
  result["output_pool_cached_bytes"] = pool.cachedBytes;
  result["output_pool_reused"] = pool.reused;
  result["output_pool_allocated"] = pool.allocated;
  result["num_threads"] = runtime::ThreadPool::threadCount();
  return result;
}

void resetProcessStatistics() {
  auto &process = runtime::ProcessStatistics::global();
  process.calls = 0;
  process.nanoseconds = 0;
}

nb::tuple planMemory(const std::vector<size_t> &sizes,
                     const std::vector<std::pair<size_t, size_t>> &lifetimes) {
  std::vector<runtime::Lifetime> converted;
  for (auto [first, last] : lifetimes) {
    if (first > last)
      throw nb::value_error("plan_memory: a lifetime ends before it begins");
    converted.push_back({first, last});
  }
  runtime::MemoryPlan plan = runtime::planMemory(sizes, converted);
  return nb::make_tuple(plan.offsets, plan.peakBytes, plan.naivePeakBytes);
}

} // namespace

NB_MODULE(_runtime, m) {
  m.doc() = "Runs compiled programs: no compiler inside.";
  python::bindErrorClasses(m);
  python::bindNumPyArrays(m);
  python::bindTorchTensors(m);
  python::bindMemoryAssumptions(m);
  python::bindDeviceArray(m);
  python::bindExecutable(m);
  python::bindDispatcher(m);
  python::bindKernelBundle(m);
  python::bindPythonDevice(m);

  m.def("num_threads", &runtime::ThreadPool::threadCount,
        "Threads that take part in a parallel loop, the caller included.");
  m.def("set_num_threads", &runtime::ThreadPool::setThreadCount, nb::arg("count"),
        "From the next parallel loop on; raises the option error unless 1 <= "
        "count <= 1024.");
  m.def(
      "run_in_team",
      [](uintptr_t runner) {
        runtime::ThreadPool::setTeam(reinterpret_cast<runtime::TeamRunner>(runner));
      },
      nb::arg("runner"),
      "Runs parallel loops in the threads of another library from now on. runner is the address "
      "of GNU OpenMP's GOMP_parallel, or of a function like it; 0 undoes it.");
  m.def("stats", processStatistics, "Counters over the whole process.");
  m.def("reset_stats", resetProcessStatistics, "Clears the calls and times of the process.");
  m.def(
      "set_output_pool_limit", [](size_t bytes) { runtime::OutputPool::global().setLimit(bytes); },
      nb::arg("bytes"), "Bytes of released result memory kept for reuse.");
  m.def("plan_memory", planMemory, nb::arg("sizes"), nb::arg("lifetimes"),
        "(offsets, peak_bytes, naive_peak_bytes) of buffers alive from step "
        "first to last, both included.");
  m.def("cgroup_processor_quota", &runtime::cgroupProcessorQuota,
        nb::arg("cgroup_file") = "/proc/self/cgroup", nb::arg("cgroup_root") = "/sys/fs/cgroup",
        "Processors granted by the cgroup's bandwidth limit, None without "
        "one.");
}
