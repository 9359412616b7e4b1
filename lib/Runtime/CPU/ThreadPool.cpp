// SPDX-License-Identifier: Apache-2.0
// Workers that spin briefly, then sleep; loops cut dynamically.
#include "torshjit/Runtime/CPU/ThreadPool.h"

#include "torshjit/Runtime/CPU/ProcessorCount.h"
#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <pthread.h>
#include <string>
#include <system_error>
#include <thread>

namespace torsh::runtime {
namespace {
/// Longer than the gap between two kernels of a program, shorter than a
/// scheduler's tick: an idle pool soon costs nothing.
constexpr auto kSpin = std::chrono::microseconds(40);
/// Enough chunks that a thread which loses its processor delays the loop
/// little, few enough that taking them costs nothing.
constexpr int64_t kChunksPerThread = 4;
constexpr int kMaxThreads = 1024;

/// 0: not yet asked for.
std::atomic<int> configuredThreads{0};
std::atomic<ThreadPool *> globalPool{nullptr};
std::atomic<TeamRunner> team{nullptr};

/// A forked child has none of the threads: the old pool is abandoned as it
/// stands and the next loop makes another. Registered when the library is
/// loaded, since no lock may be needed on the way to the pool.
[[maybe_unused]] const int forkHandler = pthread_atfork(nullptr, nullptr, [] {
  globalPool.store(nullptr);
  team.store(nullptr);
});

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Spins until `done`, kSpin at most; returns whether it is done.
template <typename Predicate> bool spinUntil(Predicate done) {
  auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done())
        return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return done();
}
} // namespace

LoopChunks::LoopChunks(int64_t count, int64_t grain, int threads)
    : count(count), grain(std::max<int64_t>(grain, 1)) {
  units = std::max<int64_t>(count / this->grain, 1);
  chunks = std::min<int64_t>(units, threads * kChunksPerThread);
}

int64_t LoopChunks::boundary(int64_t chunk) const {
  if (chunk == chunks)
    return count;
  return (units / chunks * chunk + std::min(chunk, units % chunks)) * grain;
}

/// A loop in flight. It lives on the stack of its caller, who leaves only when
/// no helper is inside.
struct ThreadPool::Job {
  TorshTask task;
  void *context;
  LoopChunks chunks;
  int maxHelpers;
  alignas(64) std::atomic<int64_t> next{0};
  alignas(64) std::atomic<int> helpers{0};
};

ThreadPool &ThreadPool::global() {
  // Never destroyed: sleeping workers may outlive static destructors.
  ThreadPool *pool = globalPool.load(std::memory_order_acquire);
  if (pool)
    return *pool;
  auto *created = new ThreadPool;
  if (globalPool.compare_exchange_strong(pool, created))
    return *created;
  delete created;
  return *pool;
}

int ThreadPool::threadCount() {
  int count = configuredThreads.load(std::memory_order_relaxed);
  if (count)
    return count;
  int expected = 0;
  configuredThreads.compare_exchange_strong(expected, defaultThreadCount());
  return configuredThreads.load(std::memory_order_relaxed);
}

void ThreadPool::setThreadCount(int count) {
  if (count < 1 || count > kMaxThreads)
    throw Error(ErrorKind::Option, "the number of threads must be from 1 to " +
                                       std::to_string(kMaxThreads) + ", got " +
                                       std::to_string(count));
  configuredThreads.store(count);
  // Wakes sleepers: those beyond the new count end.
  if (ThreadPool *pool = globalPool.load(std::memory_order_acquire)) {
    std::lock_guard<std::mutex> lock(pool->mutex);
    pool->epoch.fetch_add(1, std::memory_order_release);
    pool->wake.notify_all();
  }
}

void ThreadPool::startWorkers(int wanted) {
  if (workers >= wanted)
    return;
  // Signals belong to the threads of the program.
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  try {
    for (; workers < wanted; ++workers)
      std::thread([this] { workerMain(); }).detach();
  } catch (const std::system_error &) {
    // A limit on threads: the loop runs on those that exist.
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

void ThreadPool::parallelFor(Worker &caller, TorshTask task, void *context,
                             const LoopChunks &chunks) {
  int threads = threadCount();
  int helpers = static_cast<int>(std::min<int64_t>(threads, chunks.chunks)) - 1;
  Job job{task, context, chunks, helpers};
  if (TeamRunner runner = team.load(std::memory_order_acquire))
    return runInTeam(runner, job, helpers + 1);
  bool anySleeper;
  {
    std::lock_guard<std::mutex> lock(mutex);
    startWorkers(threads - 1);
    jobs.push_back(&job);
    epoch.fetch_add(1, std::memory_order_release);
    anySleeper = sleepers > 0;
  }
  if (anySleeper) {
    if (helpers == 1)
      wake.notify_one();
    else
      wake.notify_all();
  }
  runChunks(job, caller);
  {
    std::lock_guard<std::mutex> lock(mutex);
    jobs.erase(std::find(jobs.begin(), jobs.end(), &job));
  }
  // Nobody can join any more; wait for those inside.
  auto idle = [&] { return job.helpers.load(std::memory_order_acquire) == 0; };
  if (spinUntil(idle))
    return;
  std::unique_lock<std::mutex> lock(mutex);
  finished.wait(lock, idle);
}

void ThreadPool::setTeam(TeamRunner runner) { team.store(runner, std::memory_order_release); }

void ThreadPool::runInTeam(TeamRunner runner, Job &job, int threads) {
  auto share = [](void *job) { runChunks(*static_cast<Job *>(job), Worker::current()); };
  runner(share, &job, static_cast<unsigned>(threads), /*flags=*/0);
}

void ThreadPool::runChunks(Job &job, Worker &worker) {
  bool outer = worker.insideTask;
  worker.insideTask = true;
  for (int64_t chunk;
       (chunk = job.next.fetch_add(1, std::memory_order_relaxed)) < job.chunks.chunks;) {
    Scratch::Mark mark = worker.scratchMemory.mark();
    job.task(job.context, job.chunks.boundary(chunk), job.chunks.boundary(chunk + 1), &worker);
    worker.scratchMemory.release(mark);
  }
  worker.insideTask = outer;
}

/// With the lock held: the job that most needs a helper.
ThreadPool::Job *ThreadPool::joinJob() {
  Job *best = nullptr;
  for (Job *job : jobs) {
    int helpers = job->helpers.load(std::memory_order_relaxed);
    if (helpers < job->maxHelpers &&
        job->next.load(std::memory_order_relaxed) < job->chunks.chunks &&
        (!best || helpers < best->helpers.load(std::memory_order_relaxed)))
      best = job;
  }
  if (best)
    best->helpers.fetch_add(1, std::memory_order_relaxed);
  return best;
}

void ThreadPool::leaveJob(Job &job) {
  bool last;
  {
    // Under the lock, so that a caller about to sleep cannot miss it. The job
    // may be gone once its count is down.
    std::lock_guard<std::mutex> lock(mutex);
    last = job.helpers.fetch_sub(1, std::memory_order_release) == 1;
  }
  if (last)
    finished.notify_all();
}

void ThreadPool::workerMain() {
#ifdef __linux__
  pthread_setname_np(pthread_self(), "torshjit");
#endif
  Worker &worker = Worker::current();
  while (true) {
    uint64_t seen;
    Job *job;
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (workers > configuredThreads.load(std::memory_order_relaxed) - 1) {
        --workers;
        return;
      }
      seen = epoch.load(std::memory_order_relaxed);
      job = joinJob();
    }
    if (job) {
      runChunks(*job, worker);
      leaveJob(*job);
      continue;
    }
    auto changed = [&] { return epoch.load(std::memory_order_acquire) != seen; };
    if (spinUntil(changed))
      continue;
    std::unique_lock<std::mutex> lock(mutex);
    ++sleepers;
    wake.wait(lock, changed);
    --sleepers;
  }
}

} // namespace torsh::runtime
