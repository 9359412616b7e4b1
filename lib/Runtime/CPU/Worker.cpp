// SPDX-License-Identifier: Apache-2.0
// The functions that kernels reach through their worker.
#include "torshjit/Runtime/CPU/ThreadPool.h"

#include <cstdio>
#include <cstdlib>
#include <new>

namespace torsh::runtime {
namespace {
void *workerScratch(TorshWorker *self, int64_t bytes) {
  // A kernel has no way to report failure and no unwind tables to throw
  // through, so this is the one fatal error of the runtime.
  try {
    return static_cast<Worker *>(self)->scratchMemory.allocate(
        bytes > 0 ? static_cast<size_t>(bytes) : 0);
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "torshjit: out of memory: %lld bytes of scratch\n",
                 static_cast<long long>(bytes));
    std::abort();
  }
}

void runSerially(Worker &worker, TorshTask task, void *context, int64_t count) {
  bool outer = worker.insideTask;
  Scratch::Mark mark = worker.scratchMemory.mark();
  worker.insideTask = true;
  task(context, 0, count, &worker);
  worker.insideTask = outer;
  worker.scratchMemory.release(mark);
}

void workerParallelFor(TorshWorker *self, TorshTask task, void *context, int64_t count,
                       int64_t grain) {
  auto &worker = *static_cast<Worker *>(self);
  if (count <= 0)
    return;
  if (!worker.insideTask && count > grain) {
    int threads = ThreadPool::threadCount();
    LoopChunks chunks(count, grain, threads);
    if (threads > 1 && chunks.chunks > 1) {
      ThreadPool::global().parallelFor(worker, task, context, chunks);
      return;
    }
  }
  runSerially(worker, task, context, count);
}
} // namespace

Worker::Worker() {
  parallel_for = workerParallelFor;
  scratch = workerScratch;
}

Worker &Worker::current() {
  thread_local Worker worker;
  return worker;
}

} // namespace torsh::runtime
