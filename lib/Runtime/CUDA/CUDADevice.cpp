// SPDX-License-Identifier: Apache-2.0
// Opening a GPU, its memory, and the streams that calling threads use.
#include "torshjit/Runtime/CUDA/CUDADevice.h"

#include "torshjit/Runtime/CUDA/PTXModules.h"
#include "torshjit/Runtime/CUDA/StreamQueue.h"
#include "torshjit/Runtime/Error.h"

#include <cstdlib>
#include <limits>
#include <pthread.h>

namespace torsh::runtime {
using namespace cuda;

namespace {
/// The stream that the calling thread's work goes to; 0 is the default stream.
thread_local uintptr_t threadStream = 0;

/// The driver does not survive a fork: a child that used it would fail in ways hard to tell.
bool forkedSinceOpened = false;

int deviceNumber() {
  const char *text = std::getenv("TORSHJIT_CUDA_DEVICE");
  if (!text || !*text)
    return 0;
  char *end = nullptr;
  long number = std::strtol(text, &end, 10);
  if (*end || number < 0 || number > 1023)
    throw Error(ErrorKind::Option, "TORSHJIT_CUDA_DEVICE: expected the number of a GPU, got \"" +
                                       std::string(text) + "\"");
  return static_cast<int>(number);
}
} // namespace

namespace cuda {
ContextScope::ContextScope(const Driver &driver, CUcontext context) : driver(driver) {
  CUcontext current = nullptr;
  driver.ctxGetCurrent(&current);
  if (current != context)
    pushed = driver.ctxPushCurrent(context) == CUDA_SUCCESS;
}

ContextScope::~ContextScope() {
  CUcontext popped = nullptr;
  if (pushed)
    driver.ctxPopCurrent(&popped);
}

RelaxedCaptureScope::RelaxedCaptureScope(const Driver &driver) : driver(driver) {
  driver.threadExchangeStreamCaptureMode(&mode);
}

RelaxedCaptureScope::~RelaxedCaptureScope() { driver.threadExchangeStreamCaptureMode(&mode); }
} // namespace cuda

CUDADevice &CUDADevice::global() {
  // Never destroyed: executables may outlive static destructors.
  static auto *device = new CUDADevice(Driver::get(), deviceNumber());
  if (forkedSinceOpened)
    throw Error(ErrorKind::Device, "CUDA cannot be used in a process that was forked from one that "
                                   "used it; start worker processes with the spawn method");
  return *device;
}

CUDADevice::CUDADevice(const Driver &driver, int ordinal) : driver(driver), ordinal(ordinal) {
  int count = 0;
  driver.check(driver.deviceGetCount(&count), "cuDeviceGetCount");
  if (ordinal >= count)
    throw Error(ErrorKind::Device, "TORSHJIT_CUDA_DEVICE is " + std::to_string(ordinal) +
                                       ", but the driver shows " + std::to_string(count) + " GPUs");
  CUdevice handle = 0;
  driver.check(driver.deviceGet(&handle, ordinal), "cuDeviceGet");
  auto attribute = [&](int which) {
    int value = 0;
    driver.check(driver.deviceGetAttribute(&value, which, handle), "cuDeviceGetAttribute");
    return value;
  };
  major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  gridLimit = attribute(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X);
  char text[256] = {};
  driver.check(driver.deviceGetName(text, sizeof(text), handle), "cuDeviceGetName");
  productName = text;

  driver.check(driver.primaryCtxRetain(&primary, handle), "cuDevicePrimaryCtxRetain");
  ContextScope current(driver, primary);
  RelaxedCaptureScope relaxed(driver);
  driver.check(driver.streamCreate(&uploads, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  if (attribute(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED)) {
    CUmemPoolProps properties = {};
    properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
    properties.locationType = CU_MEM_LOCATION_TYPE_DEVICE;
    properties.locationId = handle;
    driver.check(driver.memPoolCreate(&pool, &properties), "cuMemPoolCreate");
    // Otherwise each synchronization would give the memory back to the driver, and the next call
    // would map it anew.
    uint64_t keep = std::numeric_limits<uint64_t>::max();
    driver.check(driver.memPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep),
                 "cuMemPoolSetAttribute");
  }
  pthread_atfork(nullptr, nullptr, [] { forkedSinceOpened = true; });
}

DeviceLimits CUDADevice::limits() const {
  DeviceLimits limits;
  // What cuMemAlloc itself gives, so that vector accesses find what they may assume of arguments.
  limits.alignment = 256;
  return limits;
}

void *CUDADevice::allocate(size_t bytes) {
  ContextScope current(driver, primary);
  RelaxedCaptureScope relaxed(driver);
  CUdeviceptr memory = 0;
  driver.check(driver.memAlloc(&memory, bytes ? bytes : 1), "cuMemAlloc");
  return reinterpret_cast<void *>(memory);
}

void CUDADevice::deallocate(void *memory, size_t) noexcept {
  // The driver waits for work that is under way. In a forked child and at exit, when the driver may
  // be gone before us, this fails and nothing is to be done about it.
  ContextScope current(driver, primary);
  RelaxedCaptureScope relaxed(driver);
  driver.memFree(reinterpret_cast<CUdeviceptr>(memory));
}

void CUDADevice::upload(void *destination, const void *source, size_t bytes) {
  ContextScope current(driver, primary);
  RelaxedCaptureScope relaxed(driver);
  driver.check(
      driver.memcpyHtoDAsync(reinterpret_cast<CUdeviceptr>(destination), source, bytes, uploads),
      "cuMemcpyHtoDAsync");
  driver.check(driver.streamSynchronize(uploads), "cuStreamSynchronize");
}

void CUDADevice::download(void *destination, const void *source, size_t bytes) {
  ContextScope current(driver, primary);
  auto *stream = reinterpret_cast<CUstream>(threadStream);
  driver.check(
      driver.memcpyDtoHAsync(destination, reinterpret_cast<CUdeviceptr>(source), bytes, stream),
      "cuMemcpyDtoHAsync");
  driver.check(driver.streamSynchronize(stream), "cuStreamSynchronize");
}

std::unique_ptr<KernelLibrary> CUDADevice::load(std::string_view binary) {
  return std::make_unique<PTXModules>(driver, *this, binary);
}

Queue &CUDADevice::queue() {
  if (forkedSinceOpened)
    global(); // says why not
  thread_local uintptr_t lastStream = 0;
  thread_local Queue *last = nullptr;
  if (last && lastStream == threadStream)
    return *last;
  std::lock_guard<std::mutex> lock(queuesMutex);
  std::unique_ptr<Queue> &queue = queues[threadStream];
  if (!queue)
    queue = std::make_unique<StreamQueue>(driver, *this, reinterpret_cast<CUstream>(threadStream));
  last = queue.get();
  lastStream = threadStream;
  return *last;
}

uintptr_t CUDADevice::exchangeStream(uintptr_t stream) {
  return std::exchange(threadStream, stream);
}

uintptr_t CUDADevice::recordPoint() {
  ContextScope current(driver, primary);
  CUevent event = nullptr;
  driver.check(driver.eventCreate(&event, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
  CUresult result = driver.eventRecord(event, reinterpret_cast<CUstream>(threadStream));
  if (result != CUDA_SUCCESS)
    driver.eventDestroy(event);
  driver.check(result, "cuEventRecord");
  return reinterpret_cast<uintptr_t>(event);
}

bool CUDADevice::isPassed(uintptr_t point) {
  ContextScope current(driver, primary);
  RelaxedCaptureScope relaxed(driver);
  auto *event = reinterpret_cast<CUevent>(point);
  // After an error nothing is under way any more.
  if (driver.eventQuery(event) == CUDA_ERROR_NOT_READY)
    return false;
  driver.eventDestroy(event);
  return true;
}

void CUDADevice::orderStreams(uintptr_t before, uintptr_t after) {
  if (before == after)
    return;
  uintptr_t previous = exchangeStream(before);
  uintptr_t point = 0;
  try {
    point = recordPoint();
  } catch (...) {
    exchangeStream(previous);
    throw;
  }
  exchangeStream(previous);
  ContextScope current(driver, primary);
  auto *event = reinterpret_cast<CUevent>(point);
  CUresult result = driver.streamWaitEvent(reinterpret_cast<CUstream>(after), event, 0);
  // The driver frees it once the wait is over.
  driver.eventDestroy(event);
  driver.check(result, "cuStreamWaitEvent");
}

std::string CUDADevice::describe() const {
  return "sm_" + std::to_string(major) + std::to_string(minor) + " (" + productName + ")";
}

bool CUDADevice::runs(const std::string &architecture) const {
  // sm_80: on it and everything later. sm_90a: on just that. sm_100f: within the family.
  if (architecture.rfind("sm_", 0) != 0)
    return false;
  char *suffix = nullptr;
  long number = std::strtol(architecture.c_str() + 3, &suffix, 10);
  long own = major * 10 + minor;
  switch (*suffix) {
  case '\0':
    return number > 0 && number <= own;
  case 'a':
    return number == own;
  case 'f':
    return number <= own && number / 10 == major;
  default:
    return false;
  }
}

} // namespace torsh::runtime
