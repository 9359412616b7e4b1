// SPDX-License-Identifier: Apache-2.0
// The threads behind parallel_for, one pool per process.
#ifndef TORSHJIT_RUNTIME_CPU_THREADPOOL_H
#define TORSHJIT_RUNTIME_CPU_THREADPOOL_H

#include "torshjit/Runtime/CPU/Scratch.h"
#include "torshjit/Runtime/KernelABI.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

namespace torsh::runtime {

/// The runtime's side of TorshWorker: one per thread that runs kernels.
struct Worker : TorshWorker {
  Worker();
  Scratch scratchMemory;
  bool insideTask = false;

  /// The calling thread's worker.
  static Worker &current();
};

/// How [0, count) is cut: every chunk but the last is a multiple of grain and
/// none is smaller than it.
struct LoopChunks {
  int64_t count = 0;
  int64_t grain = 1;
  int64_t units = 0; ///< whole grains
  int64_t chunks = 0;

  LoopChunks(int64_t count, int64_t grain, int threads);
  int64_t boundary(int64_t chunk) const;
};

/// Runs a function in `threads` threads of another library, the calling one among them, and
/// returns when all are done: GNU OpenMP's GOMP_parallel.
using TeamRunner = void (*)(void (*function)(void *), void *context, unsigned threads,
                            unsigned flags);

class ThreadPool {
public:
  /// Starts no thread: those come with the first loop that can use them. In a
  /// forked child it is a new pool.
  static ThreadPool &global();

  /// Threads that take part in a loop, the caller included.
  static int threadCount();
  /// Throws Error(Option) unless 1 <= count <= 1024.
  static void setThreadCount(int count);

  /// From now on loops run in the threads of another library, whose idle threads would otherwise
  /// take the processors away from these workers while they wait; null: in these workers again.
  /// A forked child, in which another library's threads are gone, has workers of its own.
  static void setTeam(TeamRunner runner);

  void parallelFor(Worker &caller, TorshTask task, void *context, const LoopChunks &chunks);

private:
  struct Job;
  void startWorkers(int wanted);
  void workerMain();
  Job *joinJob();
  void leaveJob(Job &job);
  static void runChunks(Job &job, Worker &worker);
  static void runInTeam(TeamRunner runner, Job &job, int threads);

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable finished;
  /// Counts published loops; idle workers watch it without the lock.
  std::atomic<uint64_t> epoch{0};
  std::vector<Job *> jobs;
  int workers = 0;
  int sleepers = 0;
};

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_CPU_THREADPOOL_H
