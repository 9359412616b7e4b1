// SPDX-License-Identifier: Apache-2.0
// Hands PTX to the driver and looks up the entries.
#include "torshjit/Runtime/CUDA/PTXModules.h"

#include "torshjit/Runtime/Error.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace torsh::runtime::cuda {
namespace {
/// What a kernel may use without asking for more.
constexpr unsigned kDefaultSharedBytes = 48 << 10;

/// A log that the driver fills in, cut to its text.
std::string textOf(const std::array<char, 8192> &log) {
  std::string text(log.data(), std::find(log.begin(), log.end(), '\0'));
  text.erase(std::find_if(text.rbegin(), text.rend(), [](char c) { return c != '\n'; }).base(),
             text.end());
  return text;
}
} // namespace

PTXModules::PTXModules(const Driver &driver, const CUDADevice &device, std::string_view text)
    : driver(driver), device(device), bundle(KernelBundle::parse(text)) {
  if (bundle.target != device.name())
    throw Error(ErrorKind::Program,
                "the kernels were compiled for target \"" + bundle.target + "\", not for cuda");
  if (!device.runs(bundle.architecture))
    throw Error(ErrorKind::Device, "the kernels were compiled for " + bundle.architecture +
                                       ", this GPU is " + device.describe() +
                                       "; code for sm_80 runs on every later GPU");
  ContextScope current(driver, device.context());
  RelaxedCaptureScope relaxed(driver);
  try {
    for (size_t i = 0; i < bundle.modules.size(); ++i)
      loadModule(bundle.code(i, "ptx"));
    for (const auto &[name, kernel] : bundle.kernels)
      loadKernel(name, kernel);
  } catch (...) {
    unload();
    throw;
  }
}

PTXModules::~PTXModules() {
  ContextScope current(driver, device.context());
  RelaxedCaptureScope relaxed(driver);
  unload();
}

void PTXModules::unload() noexcept {
  // Nothing is to be done about a failure: at exit the driver may be gone before us.
  for (CUmodule module : modules)
    driver.moduleUnload(module);
}

void PTXModules::loadModule(const std::string &ptx) {
  std::array<char, 8192> info{}, error{};
  auto size = [](auto &log) { return reinterpret_cast<void *>(log.size()); };
  int options[] = {CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
                   CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {info.data(), size(info), error.data(), size(error)};
  CUmodule module = nullptr;
  CUresult result = driver.moduleLoadDataEx(
      &module, ptx.c_str(), static_cast<unsigned>(std::size(options)), options, values);
  if (result != CUDA_SUCCESS) {
    std::string log = textOf(error) + (textOf(info).empty() ? "" : "\n" + textOf(info));
    throw Error(ErrorKind::Program, "the driver cannot load the kernels: " +
                                        driver.describe(result) + (log.empty() ? "" : "\n" + log));
  }
  modules.push_back(module);
}

void PTXModules::loadKernel(const std::string &name, const BundledKernel &kernel) {
  LoadedKernel &loaded = kernels[name];
  loaded.bundled = &kernel;
  for (const KernelVariant &variant : kernel.variants) {
    std::string detail = ", kernel \"" + name + "\", entry " + variant.entry;
    LoadedKernel::Variant entry;
    driver.check(
        driver.moduleGetFunction(&entry.function, modules[variant.module], variant.entry.c_str()),
        "cuModuleGetFunction", detail);
    int staticBytes = 0, maxThreads = 0;
    driver.check(
        driver.funcGetAttribute(&staticBytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, entry.function),
        "cuFuncGetAttribute", detail);
    driver.check(driver.funcGetAttribute(&maxThreads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
                                         entry.function),
                 "cuFuncGetAttribute", detail);
    if (variant.threads > static_cast<unsigned>(maxThreads))
      throw Error(ErrorKind::Device,
                  "a block of kernel \"" + name + "\" has " + std::to_string(variant.threads) +
                      " threads, its registers leave room for " + std::to_string(maxThreads));
    // Memory that the code declares itself is the driver's matter; the rest comes with the launch.
    auto declared = static_cast<size_t>(staticBytes);
    if (variant.sharedBytes > declared)
      entry.dynamicSharedBytes = static_cast<unsigned>(variant.sharedBytes - declared);
    if (entry.dynamicSharedBytes > kDefaultSharedBytes - std::min<size_t>(declared, 48 << 10))
      driver.check(driver.funcSetAttribute(entry.function,
                                           CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                           static_cast<int>(entry.dynamicSharedBytes)),
                   "cuFuncSetAttribute",
                   detail + ": " + std::to_string(variant.sharedBytes) + " bytes of shared memory");
    loaded.variants.push_back(entry);
  }
}

KernelHandle PTXModules::find(const std::string &kernel) const {
  auto found = kernels.find(kernel);
  if (found == kernels.end())
    throw Error(ErrorKind::Program, "the bundle has no kernel \"" + kernel + "\"");
  return reinterpret_cast<KernelHandle>(&found->second);
}

} // namespace torsh::runtime::cuda
