// SPDX-License-Identifier: Apache-2.0
// The kernels of a program for a device that launches grids: code, entries,
// and how many blocks each launch takes.
#ifndef TORSHJIT_RUNTIME_KERNELBUNDLE_H
#define TORSHJIT_RUNTIME_KERNELBUNDLE_H

#include "torshjit/Runtime/DataType.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace torsh::runtime {

inline constexpr int64_t kKernelBundleVersion = 1;

/// One compiled form of a kernel, with what it demands of its operands.
struct KernelVariant {
  /// ceildiv(product of extents, per) blocks. An extent is itself when >= 0,
  /// else sizes[-1 - extent].
  struct GridFactor {
    int64_t per = 1;
    std::vector<int64_t> extents;
  };
  struct Divisibility {
    size_t size = 0; ///< index into the sizes
    int64_t divisor = 1;
  };

  std::string entry; ///< the function's name in its module
  size_t module = 0; ///< index into KernelBundle::modules
  uint32_t threads = 1;
  size_t sharedBytes = 0;
  std::vector<GridFactor> grid; ///< the grid is the product of these
  /// The extents of the spaces whose elements it counts, and how far it can count.
  std::vector<std::vector<int64_t>> counts;
  int64_t largestCount = std::numeric_limits<int64_t>::max();
  size_t alignment = 1;         ///< demanded of every operand's address
  std::vector<Divisibility> divisible;

  bool hasRequirements() const { return alignment > 1 || !divisible.empty(); }
};

struct BundledKernel {
  enum class Access { Read, Write, ReadWrite };
  struct Operand {
    DataType dtype = DataType::F32;
    Access access = Access::Read;
  };

  std::vector<Operand> operands;
  size_t numSizes = 0;
  /// The most demanding first; the last takes any operands.
  std::vector<KernelVariant> variants;
};

/// Code by the name of its language: {"ptx": ...}, {"spirv": ..., "msl": ...}.
using CodeModule = std::map<std::string, std::string>;

struct KernelBundle {
  std::string target;
  std::string architecture; ///< empty where the target has none
  std::map<std::string, BundledKernel> kernels;
  std::vector<CodeModule> modules;

  /// Throws Error(Program) naming the field when the text is malformed.
  static KernelBundle parse(std::string_view json);
  /// Throws Error(Program) when there is no such kernel.
  const BundledKernel &kernel(const std::string &name) const;
  /// The code of a module in a language; throws Error(Program) when it lacks it.
  const std::string &code(size_t module, const std::string &language) const;
};

/// The first variant whose demands the operands meet. `pointers` has one
/// address for each operand, `sizes` as many as the kernel takes.
const KernelVariant &chooseVariant(const BundledKernel &kernel, void *const *pointers,
                                   const int64_t *sizes);

/// Blocks of a launch, at most `limit`: kernels loop over what one grid does
/// not cover. 0: there is nothing to do and the launch is left out. Throws
/// Error(Shape) where the kernel would count further than it can.
int64_t gridSize(const KernelVariant &variant, const int64_t *sizes, int64_t limit);

} // namespace torsh::runtime

#endif // TORSHJIT_RUNTIME_KERNELBUNDLE_H
