// SPDX-License-Identifier: Apache-2.0
// Parses kernel bundles and answers what a launch asks of them.
#include "torshjit/Runtime/KernelBundle.h"

#include "JsonField.h"

#include <algorithm>

namespace torsh::runtime {
namespace {
using Field = JsonField;

/// Of CUDA, Vulkan and Metal alike.
constexpr int64_t kMaxThreads = 1024;
/// More than any device has.
constexpr int64_t kMaxSharedBytes = int64_t(1) << 24;
constexpr int64_t kMaxInteger = std::numeric_limits<int64_t>::max();

BundledKernel::Operand parseOperand(const Field &field) {
  using Access = BundledKernel::Access;
  BundledKernel::Operand operand;
  operand.dtype = field["dtype"].dtype();
  std::string access = field["access"].text();
  if (access == "read")
    operand.access = Access::Read;
  else if (access == "write")
    operand.access = Access::Write;
  else if (access == "readwrite")
    operand.access = Access::ReadWrite;
  else
    field["access"].fail("expected \"read\", \"write\" or \"readwrite\", not \"" + access + "\"");
  return operand;
}

/// The extents from position `first` on.
std::vector<int64_t> parseExtents(const Field &field, size_t first, size_t numSizes) {
  std::vector<int64_t> extents;
  for (size_t i = first, e = field.size(); i < e; ++i) {
    int64_t extent = field[i].integer();
    if (extent < 0 && static_cast<uint64_t>(-1 - extent) >= numSizes)
      field[i].fail("no size " + std::to_string(-1 - extent));
    extents.push_back(extent);
  }
  return extents;
}

KernelVariant::GridFactor parseGridFactor(const Field &field, size_t numSizes) {
  if (field.size() < 1)
    field.fail("expected [per, extents...]");
  return {field[0].integerBetween(1, kMaxInteger), parseExtents(field, 1, numSizes)};
}

KernelVariant parseVariant(const Field &field, size_t numSizes, size_t numModules,
                           int64_t largestCount) {
  KernelVariant variant;
  variant.largestCount = largestCount;
  variant.entry = field["entry"].text();
  if (variant.entry.empty() || variant.entry.find('\0') != std::string::npos)
    field["entry"].fail("not a function's name");
  variant.module = field["module"].index(numModules);
  variant.threads = static_cast<uint32_t>(field["threads"].integerBetween(1, kMaxThreads));
  variant.sharedBytes =
      static_cast<size_t>(field["shared_bytes"].integerBetween(0, kMaxSharedBytes));
  Field grid = field["grid"];
  for (size_t i = 0, e = grid.size(); i < e; ++i)
    variant.grid.push_back(parseGridFactor(grid[i], numSizes));
  if (field.has("counts")) {
    Field counts = field["counts"];
    for (size_t i = 0, e = counts.size(); i < e; ++i)
      variant.counts.push_back(parseExtents(counts[i], 0, numSizes));
  }
  if (field.has("alignment")) {
    Field alignment = field["alignment"];
    variant.alignment = static_cast<size_t>(alignment.integerBetween(1, 4096));
    if (variant.alignment & (variant.alignment - 1))
      alignment.fail("expected a power of two");
  }
  if (field.has("divisible")) {
    Field divisible = field["divisible"];
    for (size_t i = 0, e = divisible.size(); i < e; ++i) {
      if (divisible[i].size() != 2)
        divisible[i].fail("expected [size, divisor]");
      variant.divisible.push_back(
          {divisible[i][0].index(numSizes), divisible[i][1].integerBetween(1, kMaxInteger)});
    }
  }
  return variant;
}

BundledKernel parseKernel(const Field &field, size_t numModules, int64_t largestCount) {
  BundledKernel kernel;
  Field operands = field["operands"];
  for (size_t i = 0, e = operands.size(); i < e; ++i)
    kernel.operands.push_back(parseOperand(operands[i]));
  kernel.numSizes = static_cast<size_t>(field["sizes"].integerBetween(0, 1 << 16));
  Field variants = field["variants"];
  for (size_t i = 0, e = variants.size(); i < e; ++i)
    kernel.variants.push_back(parseVariant(variants[i], kernel.numSizes, numModules, largestCount));
  if (kernel.variants.empty() || kernel.variants.back().hasRequirements())
    variants.fail("the last variant must take any operands");
  return kernel;
}

CodeModule parseModule(const Field &field) {
  CodeModule module;
  field.forEachMember(
      [&](const std::string &language, const Field &code) { module[language] = code.text(); });
  return module;
}

/// Both at least 0; what is too large to matter stays the largest.
int64_t saturatingMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kMaxInteger : product;
}
} // namespace

KernelBundle KernelBundle::parse(std::string_view json) {
  JsonField::Json parsed = JsonField::parse(json, "kernel bundle");
  Field root(parsed, "kernel bundle", "bundle");
  Field version = root["version"];
  if (version.integer() != kKernelBundleVersion)
    version.fail("this runtime reads version " + std::to_string(kKernelBundleVersion) + ", not " +
                 std::to_string(version.integer()));
  KernelBundle bundle;
  bundle.target = root["target"].text();
  if (root.has("architecture"))
    bundle.architecture = root["architecture"].text();
  // Room for the step by which kernels go on from the last element.
  int64_t largestCount = kMaxInteger;
  if (root.has("index_bits") && root["index_bits"].integerBetween(32, 64) == 32)
    largestCount = (int64_t(1) << 31) - (int64_t(1) << 26);
  Field modules = root["modules"];
  for (size_t i = 0, e = modules.size(); i < e; ++i)
    bundle.modules.push_back(parseModule(modules[i]));
  root["kernels"].forEachMember([&](const std::string &name, const Field &kernel) {
    bundle.kernels.emplace(name, parseKernel(kernel, bundle.modules.size(), largestCount));
  });
  return bundle;
}

const BundledKernel &KernelBundle::kernel(const std::string &name) const {
  auto found = kernels.find(name);
  if (found == kernels.end())
    throw Error(ErrorKind::Program, "the bundle has no kernel \"" + name + "\"");
  return found->second;
}

const std::string &KernelBundle::code(size_t module, const std::string &language) const {
  auto found = modules.at(module).find(language);
  if (found == modules[module].end())
    throw Error(ErrorKind::Program, "malformed kernel bundle: bundle.modules[" +
                                        std::to_string(module) + "]: missing \"" + language + "\"");
  return found->second;
}

const KernelVariant &chooseVariant(const BundledKernel &kernel, void *const *pointers,
                                   const int64_t *sizes) {
  uintptr_t addresses = 0;
  for (size_t i = 0; i < kernel.operands.size(); ++i)
    addresses |= reinterpret_cast<uintptr_t>(pointers[i]);
  auto fits = [&](const KernelVariant &variant) {
    return (addresses & (variant.alignment - 1)) == 0 &&
           std::all_of(variant.divisible.begin(), variant.divisible.end(),
                       [&](const KernelVariant::Divisibility &demand) {
                         return sizes[demand.size] % demand.divisor == 0;
                       });
  };
  return *std::find_if(kernel.variants.begin(), kernel.variants.end() - 1, fits);
}

int64_t gridSize(const KernelVariant &variant, const int64_t *sizes, int64_t limit) {
  for (const std::vector<int64_t> &extents : variant.counts) {
    int64_t count = 1;
    for (int64_t extent : extents)
      count = saturatingMultiply(count,
                                 std::max<int64_t>(extent >= 0 ? extent : sizes[-1 - extent], 0));
    if (count > variant.largestCount)
      throw Error(ErrorKind::Shape, "kernel " + variant.entry + " counts " + std::to_string(count) +
                                        " elements, this device's at most " +
                                        std::to_string(variant.largestCount));
  }
  int64_t blocks = 1;
  for (const KernelVariant::GridFactor &factor : variant.grid) {
    int64_t count = 1;
    bool empty = false;
    for (int64_t extent : factor.extents) {
      int64_t value = extent >= 0 ? extent : sizes[-1 - extent];
      empty |= value <= 0;
      count = saturatingMultiply(count, std::max<int64_t>(value, 1));
    }
    if (empty)
      return 0;
    blocks = saturatingMultiply(blocks, count / factor.per + (count % factor.per != 0));
  }
  return std::min(blocks, limit);
}

} // namespace torsh::runtime
