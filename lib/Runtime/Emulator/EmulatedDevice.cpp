// SPDX-License-Identifier: Apache-2.0
// Loads bundles of emulated kernels and launches them.
#include "torshjit/Runtime/Emulator/EmulatedDevice.h"

#include "../Base64.h"
#include "Emulator.h"
#include "torshjit/Runtime/CPU/AlignedMemory.h"
#include "torshjit/Runtime/CPU/SharedObject.h"
#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/KernelBundle.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <limits>
#include <map>

namespace torsh::runtime {
namespace {
/// What a handle points to.
struct LoadedKernel {
  std::string name;
  const BundledKernel *bundled = nullptr;
  std::vector<TorshEmulatedKernel> entries; ///< one per variant
};

std::vector<ThreadOrder> threadOrders() {
  const char *text = std::getenv("TORSHJIT_EMULATOR_ORDER");
  std::string order = text ? text : "";
  if (order.empty() || order == "all")
    return {ThreadOrder::Ascending, ThreadOrder::Descending, ThreadOrder::Shuffled};
  if (order == "ascending")
    return {ThreadOrder::Ascending};
  if (order == "descending")
    return {ThreadOrder::Descending};
  if (order == "shuffled")
    return {ThreadOrder::Shuffled};
  throw Error(ErrorKind::Option,
              "TORSHJIT_EMULATOR_ORDER: expected all, ascending, descending or shuffled, got \"" +
                  order + "\"");
}

int64_t gridLimit() {
  const char *text = std::getenv("TORSHJIT_EMULATOR_GRID_LIMIT");
  if (!text || !*text)
    return std::numeric_limits<int32_t>::max();
  char *end = nullptr;
  long long limit = std::strtoll(text, &end, 10);
  if (*end || limit < 1 || limit > std::numeric_limits<int32_t>::max())
    throw Error(ErrorKind::Option,
                "TORSHJIT_EMULATOR_GRID_LIMIT: expected a number of blocks, got \"" +
                    std::string(text) + "\"");
  return limit;
}

class EmulatedLibrary : public KernelLibrary {
public:
  explicit EmulatedLibrary(std::string_view binary) : bundle(KernelBundle::parse(binary)) {
    for (size_t i = 0; i < bundle.modules.size(); ++i) {
      const std::string &abi = bundle.code(i, "emulator_abi");
      if (abi != std::to_string(TORSH_EMULATOR_ABI_VERSION))
        throw Error(ErrorKind::Program, "the kernels were made for version " + abi +
                                            " of the emulator's interface, this is version " +
                                            std::to_string(TORSH_EMULATOR_ABI_VERSION));
      objects.emplace_back(decodeBase64(bundle.code(i, "library")));
    }
    for (const auto &[name, bundled] : bundle.kernels) {
      LoadedKernel &kernel = kernels[name];
      kernel.name = name;
      kernel.bundled = &bundled;
      for (const KernelVariant &variant : bundled.variants)
        kernel.entries.push_back(reinterpret_cast<TorshEmulatedKernel>(
            objects[variant.module].findSymbol(variant.entry)));
    }
  }

  KernelHandle find(const std::string &kernel) const override {
    auto found = kernels.find(kernel);
    if (found == kernels.end())
      throw Error(ErrorKind::Program, "the bundle has no kernel \"" + kernel + "\"");
    return reinterpret_cast<KernelHandle>(&found->second);
  }

private:
  KernelBundle bundle;
  std::deque<SharedObject> objects;
  std::map<std::string, LoadedKernel> kernels;
};

class EmulatedQueue : public Queue {
public:
  void launch(KernelHandle handle, void *const *pointers, const int64_t *sizes) override {
    const auto &kernel = *reinterpret_cast<const LoadedKernel *>(handle);
    const KernelVariant &variant = chooseVariant(*kernel.bundled, pointers, sizes);
    int64_t blocks = gridSize(variant, sizes, gridLimit());
    if (blocks == 0)
      return;
    auto number = static_cast<size_t>(&variant - kernel.bundled->variants.data());
    EmulatedLaunch launch{kernel.name,
                          kernel.entries[number],
                          static_cast<int32_t>(variant.threads),
                          blocks,
                          variant.sharedBytes,
                          pointers,
                          sizes,
                          {}};
    for (size_t i = 0; i < kernel.bundled->operands.size(); ++i)
      launch.operands.push_back(
          {static_cast<const char *>(pointers[i]), expected.at(i),
           kernel.bundled->operands[i].access != BundledKernel::Access::Read});
    Emulator::current().launch(launch, threadOrders());
  }
  void expectOperands(const size_t *bytes, size_t count) override {
    expected.assign(bytes, bytes + count);
  }
  void copy(void *destination, const void *source, size_t bytes) override {
    std::memcpy(destination, source, bytes);
  }
  void synchronize() override {}

private:
  std::vector<size_t> expected;
};
} // namespace

EmulatedDevice &EmulatedDevice::global() {
  // Never destroyed: executables may outlive static destructors.
  static auto *device = new EmulatedDevice;
  return *device;
}

void *EmulatedDevice::allocate(size_t bytes) { return allocateAligned(bytes); }

void EmulatedDevice::deallocate(void *memory, size_t bytes) noexcept { freeAligned(memory, bytes); }

void EmulatedDevice::upload(void *destination, const void *source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

void EmulatedDevice::download(void *destination, const void *source, size_t bytes) {
  std::memcpy(destination, source, bytes);
}

std::unique_ptr<KernelLibrary> EmulatedDevice::load(std::string_view binary) {
  return std::make_unique<EmulatedLibrary>(binary);
}

Queue &EmulatedDevice::queue() {
  thread_local EmulatedQueue queue;
  return queue;
}

} // namespace torsh::runtime
