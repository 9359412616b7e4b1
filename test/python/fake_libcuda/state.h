// SPDX-License-Identifier: Apache-2.0
// What the fake CUDA driver keeps: memory, streams with deferred work, and a log of the calls.
#ifndef TORSHJIT_TEST_FAKE_LIBCUDA_STATE_H
#define TORSHJIT_TEST_FAKE_LIBCUDA_STATE_H

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace fake {

/// The driver's numbers of the errors that the fake returns.
enum Result {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  NoDevice = 100,
  InvalidContext = 201,
  InvalidPtx = 218,
  NotFound = 500,
  NotReady = 600,
  IllegalAddress = 700,
  CaptureUnsupported = 900
};

/// Work given to a stream is not done before somebody waits for it, so that a caller who should
/// have waited reads what was there before.
struct Stream {
  std::vector<std::function<int()>> work;
  size_t done = 0;
  bool capturing = false;
  std::vector<std::function<int()>> captured;
};

/// A point in a stream's work.
struct Event {
  Stream *stream = nullptr;
  size_t position = 0;
};

struct State {
  std::recursive_mutex mutex;
  std::string log;
  bool initialised = false;
  std::map<char *, size_t> memory; ///< live device memory
  size_t liveBytes = 0;
  Stream legacy;
  int pendingError = Success;

  static State &get();
  void note(const std::string &line) { log += line + "\n"; }
  /// Whether [address, address + bytes) is live device memory.
  bool owns(const void *address, size_t bytes) const;
  void *allocate(size_t bytes);
  bool release(void *address);
};

/// An integer environment variable.
long setting(const char *name, long byDefault);
Stream &streamOf(void *handle);
/// Adds work, or records it while the stream is captured.
void enqueue(Stream &stream, std::function<int()> work);
/// Does the work up to `position`; the first error is returned.
int drain(Stream &stream, size_t position);
/// Success, or why a call that waits or allocates may not be made now: some stream is captured
/// and this thread has not relaxed its capture mode.
int checkCapture();
/// Success, or InvalidContext when the calling thread has no current context.
int checkContext();

} // namespace fake

#endif // TORSHJIT_TEST_FAKE_LIBCUDA_STATE_H
