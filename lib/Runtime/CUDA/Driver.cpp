// SPDX-License-Identifier: Apache-2.0
// Opens libcuda and finds its functions.
#include "torshjit/Runtime/CUDA/Driver.h"

#include "torshjit/Runtime/Device.h"
#include "torshjit/Runtime/Error.h"

#include <cstdlib>
#include <dlfcn.h>
#include <mutex>
#include <new>

namespace torsh::runtime::cuda {
namespace {
[[noreturn]] void failWithoutDriver(const std::string &reason) {
  throwDeviceAbsent("cuda", reason);
}

template <typename Function> void find(void *library, const char *symbol, Function *&function) {
  function = reinterpret_cast<Function *>(dlsym(library, symbol));
  if (!function)
    failWithoutDriver(std::string("the driver has no ") + symbol +
                      "; driver 525 (CUDA 12.0) or newer is needed");
}

Driver open() {
  const char *name = std::getenv("TORSHJIT_LIBCUDA");
  if (!name || !*name)
    name = "libcuda.so.1";
  // Never closed: the driver registers handlers that outlive any of our objects.
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *why = dlerror();
    failWithoutDriver(why ? why : name);
  }
  Driver driver{};
  // The suffixes are the versions that cuda.h maps the plain names to.
  find(library, "cuGetErrorName", driver.getErrorName);
  find(library, "cuGetErrorString", driver.getErrorString);
  find(library, "cuInit", driver.init);
  find(library, "cuDeviceGetCount", driver.deviceGetCount);
  find(library, "cuDeviceGet", driver.deviceGet);
  find(library, "cuDeviceGetName", driver.deviceGetName);
  find(library, "cuDeviceGetAttribute", driver.deviceGetAttribute);
  find(library, "cuDevicePrimaryCtxRetain", driver.primaryCtxRetain);
  find(library, "cuCtxGetCurrent", driver.ctxGetCurrent);
  find(library, "cuCtxPushCurrent_v2", driver.ctxPushCurrent);
  find(library, "cuCtxPopCurrent_v2", driver.ctxPopCurrent);
  find(library, "cuModuleLoadDataEx", driver.moduleLoadDataEx);
  find(library, "cuModuleUnload", driver.moduleUnload);
  find(library, "cuModuleGetFunction", driver.moduleGetFunction);
  find(library, "cuFuncGetAttribute", driver.funcGetAttribute);
  find(library, "cuFuncSetAttribute", driver.funcSetAttribute);
  find(library, "cuLaunchKernel", driver.launchKernel);
  find(library, "cuMemAlloc_v2", driver.memAlloc);
  find(library, "cuMemFree_v2", driver.memFree);
  find(library, "cuMemPoolCreate", driver.memPoolCreate);
  find(library, "cuMemPoolSetAttribute", driver.memPoolSetAttribute);
  find(library, "cuMemAllocFromPoolAsync", driver.memAllocFromPoolAsync);
  find(library, "cuMemFreeAsync", driver.memFreeAsync);
  find(library, "cuMemcpyHtoDAsync_v2", driver.memcpyHtoDAsync);
  find(library, "cuMemcpyDtoHAsync_v2", driver.memcpyDtoHAsync);
  find(library, "cuMemcpyDtoDAsync_v2", driver.memcpyDtoDAsync);
  find(library, "cuMemsetD8Async", driver.memsetD8Async);
  find(library, "cuMemsetD16Async", driver.memsetD16Async);
  find(library, "cuMemsetD32Async", driver.memsetD32Async);
  find(library, "cuStreamCreate", driver.streamCreate);
  find(library, "cuStreamSynchronize", driver.streamSynchronize);
  find(library, "cuStreamWaitEvent", driver.streamWaitEvent);
  find(library, "cuThreadExchangeStreamCaptureMode", driver.threadExchangeStreamCaptureMode);
  find(library, "cuEventCreate", driver.eventCreate);
  find(library, "cuEventRecord", driver.eventRecord);
  find(library, "cuEventQuery", driver.eventQuery);
  find(library, "cuEventDestroy_v2", driver.eventDestroy);
  return driver;
}

Driver openAndInitialise() {
  Driver driver = open();
  if (CUresult result = driver.init(0); result != CUDA_SUCCESS)
    failWithoutDriver("cuInit says " + driver.describe(result));
  int count = 0;
  if (CUresult result = driver.deviceGetCount(&count); result != CUDA_SUCCESS)
    failWithoutDriver("cuDeviceGetCount says " + driver.describe(result));
  if (count == 0)
    failWithoutDriver("the driver sees no GPU");
  return driver;
}
} // namespace

const Driver &Driver::get() {
  static const Driver driver = openAndInitialise();
  return driver;
}

std::string Driver::describe(CUresult result) const {
  const char *name = nullptr;
  const char *text = nullptr;
  getErrorName(result, &name);
  getErrorString(result, &text);
  return std::string(name ? name : "error " + std::to_string(result)) +
         (text ? std::string(" (") + text + ")" : "");
}

void Driver::check(CUresult result, const char *operation, const std::string &detail) const {
  if (result == CUDA_SUCCESS)
    return;
  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    throw std::bad_alloc();
  throw Error(ErrorKind::Device, std::string(operation) + " failed: " + describe(result) + detail);
}

} // namespace torsh::runtime::cuda
