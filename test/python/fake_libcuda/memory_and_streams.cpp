// SPDX-License-Identifier: Apache-2.0
// Memory, streams, events and capture of the fake CUDA driver.
#include "state.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace fake;

namespace {
thread_local int captureMode = 0; // global
thread_local std::vector<void *> contexts;
int capturedStreams = 0;

template <typename Unit> int fill(const char *name, uint64_t to, Unit value, size_t n, void *s) {
  State &state = State::get();
  std::lock_guard<std::recursive_mutex> lock(state.mutex);
  state.note(std::string(name) + " " + std::to_string(n));
  if (int error = checkContext())
    return error;
  enqueue(streamOf(s), [=]() -> int {
    if (!State::get().owns(reinterpret_cast<void *>(to), n * sizeof(Unit)))
      return IllegalAddress;
    for (size_t i = 0; i < n; ++i)
      reinterpret_cast<Unit *>(to)[i] = value;
    return Success;
  });
  return Success;
}
} // namespace

namespace fake {
State &State::get() {
  static auto *state = new State;
  return *state;
}

bool State::owns(const void *address, size_t bytes) const {
  auto *begin = static_cast<const char *>(address);
  auto next = memory.upper_bound(const_cast<char *>(begin));
  if (next == memory.begin())
    return false;
  auto [start, size] = *std::prev(next);
  return begin + bytes <= start + size;
}

void *State::allocate(size_t bytes) {
  long limit = setting("FAKE_CUDA_MEMORY", 1l << 30);
  if (liveBytes + bytes > static_cast<size_t>(limit))
    return nullptr;
  // As in CUDA, and a red zone: neighbours do not touch.
  void *address = std::aligned_alloc(512, (bytes + 1023) / 512 * 512);
  std::memset(address, 0xCD, bytes);
  memory[static_cast<char *>(address)] = bytes;
  liveBytes += bytes;
  return address;
}

bool State::release(void *address) {
  auto found = memory.find(static_cast<char *>(address));
  if (found == memory.end())
    return false;
  std::memset(address, 0xDD, found->second);
  liveBytes -= found->second;
  memory.erase(found);
  std::free(address);
  return true;
}

long setting(const char *name, long byDefault) {
  const char *text = std::getenv(name);
  return text && *text ? std::strtol(text, nullptr, 10) : byDefault;
}

Stream &streamOf(void *handle) {
  // 1 and 2 are CU_STREAM_LEGACY and CU_STREAM_PER_THREAD.
  return reinterpret_cast<uintptr_t>(handle) < 3 ? State::get().legacy
                                                 : *static_cast<Stream *>(handle);
}

void enqueue(Stream &stream, std::function<int()> work) {
  (stream.capturing ? stream.captured : stream.work).push_back(std::move(work));
}

int drain(Stream &stream, size_t position) {
  int first = State::get().pendingError;
  while (stream.done < position) {
    auto work = stream.work[stream.done++];
    if (int error = work(); error && !first)
      first = State::get().pendingError = error; // sticky, as in CUDA
  }
  return first;
}

int checkCapture() { return capturedStreams && captureMode != 2 ? CaptureUnsupported : Success; }

int checkContext() { return contexts.empty() ? InvalidContext : Success; }
} // namespace fake

#define ENTER(line)                                                                                \
  State &state = State::get();                                                                     \
  std::lock_guard<std::recursive_mutex> lock(state.mutex);                                         \
  state.note(line);                                                                                \
  if (int error = checkContext())                                                                  \
    return error;

extern "C" {
int cuCtxGetCurrent(void **context) {
  *context = contexts.empty() ? nullptr : contexts.back();
  return Success;
}
int cuCtxPushCurrent_v2(void *context) {
  contexts.push_back(context);
  return Success;
}
int cuCtxPopCurrent_v2(void **context) {
  if (contexts.empty())
    return InvalidContext;
  *context = contexts.back();
  contexts.pop_back();
  return Success;
}

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  ENTER("cuMemAlloc " + std::to_string(bytes))
  if (int error = checkCapture())
    return error;
  *address = reinterpret_cast<uint64_t>(state.allocate(bytes));
  return *address ? Success : OutOfMemory;
}
int cuMemFree_v2(uint64_t address) {
  ENTER("cuMemFree")
  if (int error = checkCapture())
    return error;
  return state.release(reinterpret_cast<void *>(address)) ? Success : InvalidValue;
}
int cuMemPoolCreate(void **pool, const void *) {
  ENTER("cuMemPoolCreate")
  *pool = &state;
  return Success;
}
int cuMemPoolSetAttribute(void *, int, void *) { return Success; }
int cuMemAllocFromPoolAsync(uint64_t *address, size_t bytes, void *, void *stream) {
  ENTER("cuMemAllocFromPoolAsync " + std::to_string(bytes))
  (void)stream;
  *address = reinterpret_cast<uint64_t>(state.allocate(bytes));
  return *address ? Success : OutOfMemory;
}
int cuMemFreeAsync(uint64_t address, void *stream) {
  ENTER("cuMemFreeAsync")
  Stream &queue = streamOf(stream);
  // A captured free happens at each replay; here the memory stays, so that a replay may follow.
  enqueue(queue, [=, capturing = queue.capturing]() -> int {
    return capturing || State::get().release(reinterpret_cast<void *>(address)) ? Success
                                                                                : InvalidValue;
  });
  return Success;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream) {
  ENTER("cuMemcpyHtoDAsync " + std::to_string(bytes))
  // Pageable memory is read before the call returns; while capturing only at replay.
  if (streamOf(stream).capturing)
    return CaptureUnsupported;
  std::string copy(static_cast<const char *>(from), bytes);
  enqueue(streamOf(stream), [=]() -> int {
    if (!State::get().owns(reinterpret_cast<void *>(to), bytes))
      return IllegalAddress;
    std::memcpy(reinterpret_cast<void *>(to), copy.data(), bytes);
    return Success;
  });
  return Success;
}
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream) {
  ENTER("cuMemcpyDtoHAsync " + std::to_string(bytes))
  enqueue(streamOf(stream), [=]() -> int {
    if (!State::get().owns(reinterpret_cast<void *>(from), bytes))
      return IllegalAddress;
    std::memcpy(to, reinterpret_cast<void *>(from), bytes);
    return Success;
  });
  return Success;
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void *stream) {
  ENTER("cuMemcpyDtoDAsync " + std::to_string(bytes))
  enqueue(streamOf(stream), [=]() -> int {
    if (!State::get().owns(reinterpret_cast<void *>(from), bytes) ||
        !State::get().owns(reinterpret_cast<void *>(to), bytes))
      return IllegalAddress;
    std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
    return Success;
  });
  return Success;
}
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t n, void *stream) {
  return fill("cuMemsetD8Async", to, value, n, stream);
}
int cuMemsetD16Async(uint64_t to, unsigned short value, size_t n, void *stream) {
  return fill("cuMemsetD16Async", to, value, n, stream);
}
int cuMemsetD32Async(uint64_t to, unsigned value, size_t n, void *stream) {
  return fill("cuMemsetD32Async", to, value, n, stream);
}

int cuStreamCreate(void **stream, unsigned) {
  ENTER("cuStreamCreate")
  *stream = new Stream;
  return Success;
}
int cuStreamSynchronize(void *stream) {
  ENTER("cuStreamSynchronize")
  if (streamOf(stream).capturing)
    return CaptureUnsupported;
  return drain(streamOf(stream), streamOf(stream).work.size());
}
int cuStreamWaitEvent(void *stream, void *event, unsigned) {
  ENTER("cuStreamWaitEvent")
  Event point = *static_cast<Event *>(event);
  enqueue(streamOf(stream), [=]() { return drain(*point.stream, point.position); });
  return Success;
}
int cuThreadExchangeStreamCaptureMode(int *mode) {
  std::swap(captureMode, *mode);
  return Success;
}
int cuEventCreate(void **event, unsigned) {
  ENTER("cuEventCreate")
  *event = new Event;
  return Success;
}
int cuEventRecord(void *event, void *stream) {
  ENTER("cuEventRecord")
  *static_cast<Event *>(event) = {&streamOf(stream), streamOf(stream).work.size()};
  return Success;
}
int cuEventQuery(void *event) {
  auto *point = static_cast<Event *>(event);
  return point->stream->done >= point->position ? Success : NotReady;
}
int cuEventDestroy_v2(void *event) {
  delete static_cast<Event *>(event);
  return Success;
}

// For the tests.
void fake_begin_capture(void *stream) {
  streamOf(stream).capturing = true;
  ++capturedStreams;
}
void fake_end_capture(void *stream) {
  streamOf(stream).capturing = false;
  --capturedStreams;
}
int fake_replay(void *stream) {
  for (const auto &work : streamOf(stream).captured)
    if (int error = work())
      return error;
  return Success;
}
size_t fake_live_bytes() { return State::get().liveBytes; }
const char *fake_log() { return State::get().log.c_str(); }
void fake_clear_log() { State::get().log.clear(); }
}
