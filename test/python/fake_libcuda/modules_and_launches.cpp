// SPDX-License-Identifier: Apache-2.0
// Devices, modules and launches of the fake CUDA driver. A "PTX" module has the entries that its
// text names; their code is a C function of the same name in this library (kernels.cpp), and
// nothing for those of real PTX.
#include "state.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace fake;

namespace {
struct Function {
  std::string name;
  int parameters;
  int staticShared;
  int dynamicShared = 0;
  int (*code)(unsigned grid, unsigned block, void **parameters);
};
struct Module {
  std::string text;
};

int nothing(unsigned, unsigned, void **) { return Success; }

int countAfter(const std::string &text, const std::string &key) {
  size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + key.size());
}
} // namespace

extern "C" {
int cuGetErrorName(int error, const char **name) {
  switch (error) {
  case InvalidValue:
    *name = "CUDA_ERROR_INVALID_VALUE";
    return Success;
  case NoDevice:
    *name = "CUDA_ERROR_NO_DEVICE";
    return Success;
  case InvalidContext:
    *name = "CUDA_ERROR_INVALID_CONTEXT";
    return Success;
  case InvalidPtx:
    *name = "CUDA_ERROR_INVALID_PTX";
    return Success;
  case NotFound:
    *name = "CUDA_ERROR_NOT_FOUND";
    return Success;
  case IllegalAddress:
    *name = "CUDA_ERROR_ILLEGAL_ADDRESS";
    return Success;
  case CaptureUnsupported:
    *name = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED";
    return Success;
  default:
    *name = nullptr;
    return InvalidValue;
  }
}
int cuGetErrorString(int error, const char **text) {
  *text = error == IllegalAddress ? "an illegal memory access was encountered" : nullptr;
  return *text ? Success : InvalidValue;
}

int cuInit(unsigned) {
  if (long error = setting("FAKE_CUDA_INIT", Success))
    return static_cast<int>(error);
  State::get().initialised = true;
  return Success;
}
int cuDeviceGetCount(int *count) {
  *count = static_cast<int>(setting("FAKE_CUDA_DEVICES", 2));
  return Success;
}
int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return ordinal < setting("FAKE_CUDA_DEVICES", 2) ? Success : InvalidValue;
}
int cuDeviceGetName(char *name, int size, int device) {
  std::snprintf(name, static_cast<size_t>(size), "Fake GPU %d", device);
  return Success;
}
int cuDeviceGetAttribute(int *value, int attribute, int) {
  long capability = setting("FAKE_CUDA_CAPABILITY", 90);
  switch (attribute) {
  case 5: // MAX_GRID_DIM_X
    *value = static_cast<int>(setting("FAKE_CUDA_MAX_GRID", 0x7fffffff));
    return Success;
  case 75:
    *value = static_cast<int>(capability / 10);
    return Success;
  case 76:
    *value = static_cast<int>(capability % 10);
    return Success;
  case 115: // MEMORY_POOLS_SUPPORTED
    *value = static_cast<int>(setting("FAKE_CUDA_POOLS", 1));
    return Success;
  default:
    return InvalidValue;
  }
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
  static int primary[16];
  State::get().note("cuDevicePrimaryCtxRetain " + std::to_string(device));
  *context = &primary[device];
  return State::get().initialised ? Success : NotInitialized;
}

int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options,
                       void **values) {
  State &state = State::get();
  std::lock_guard<std::recursive_mutex> lock(state.mutex);
  state.note("cuModuleLoadDataEx");
  if (int error = checkContext())
    return error;
  if (int error = checkCapture())
    return error;
  std::string text = static_cast<const char *>(image);
  if (text.find(".version") == std::string::npos) {
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == 5) // the error log, whose size is another option
        for (unsigned j = 0; j < count; ++j)
          if (options[j] == 6)
            std::snprintf(static_cast<char *>(values[i]), reinterpret_cast<size_t>(values[j]),
                          "ptxas application ptx input, line 1; fatal   : Missing .version");
    return InvalidPtx;
  }
  *module = new Module{text};
  return Success;
}
int cuModuleUnload(void *module) {
  State::get().note("cuModuleUnload");
  delete static_cast<Module *>(module);
  return Success;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  const std::string &text = static_cast<Module *>(module)->text;
  size_t at = text.find(std::string(".entry ") + name + "(");
  // By path: this library is opened with RTLD_LOCAL.
  Dl_info self;
  dladdr(reinterpret_cast<void *>(&cuModuleGetFunction), &self);
  void *code = dlsym(dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD), name);
  if (at == std::string::npos)
    return NotFound;
  std::string entry = text.substr(at, text.find('}', at) - at);
  *function =
      new Function{name, countAfter(entry, ".params "), countAfter(entry, ".shared "), 0,
                   code ? reinterpret_cast<int (*)(unsigned, unsigned, void **)>(code) : nothing};
  return Success;
}
int cuFuncGetAttribute(int *value, int attribute, void *function) {
  *value = attribute == 0 ? static_cast<int>(setting("FAKE_CUDA_MAX_THREADS", 1024))
                          : static_cast<Function *>(function)->staticShared;
  return attribute < 2 ? Success : InvalidValue;
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  State::get().note("cuFuncSetAttribute " + std::to_string(attribute) + " " +
                    std::to_string(value));
  static_cast<Function *>(function)->dynamicShared = value;
  return value <= 227 * 1024 ? Success : InvalidValue;
}

int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                   unsigned blockY, unsigned blockZ, unsigned shared, void *stream,
                   void **parameters, void **extra) {
  State &state = State::get();
  std::lock_guard<std::recursive_mutex> lock(state.mutex);
  auto *kernel = static_cast<Function *>(function);
  state.note("cuLaunchKernel " + kernel->name + " grid " + std::to_string(gridX) + " block " +
             std::to_string(blockX) + " shared " + std::to_string(shared) + " stream " +
             (reinterpret_cast<uintptr_t>(stream) < 3 ? "default" : "other"));
  if (int error = checkContext())
    return error;
  if (!gridX || gridY != 1 || gridZ != 1 || !blockX || blockX > 1024 || blockY != 1 ||
      blockZ != 1 || extra ||
      (shared > 48 * 1024 && static_cast<int>(shared) > kernel->dynamicShared))
    return InvalidValue;
  // The parameters are read now: each is eight bytes.
  std::vector<uint64_t> values;
  for (int i = 0; i < kernel->parameters; ++i)
    values.push_back(*static_cast<uint64_t *>(parameters[i]));
  enqueue(streamOf(stream), [=]() mutable -> int {
    std::vector<void *> pointers;
    for (uint64_t &value : values)
      pointers.push_back(&value);
    return kernel->code(gridX, blockX, pointers.data());
  });
  return Success;
}
}
