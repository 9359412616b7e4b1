// SPDX-License-Identifier: Apache-2.0
// The compute capabilities that can be compiled for.

#include "torshjit/Target/CUDA/CodeGen/CodeGen.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir::torsh::cuda;

static constexpr Architecture kArchitectures[] = {
    {"sm_80", "+ptx80", 80}, {"sm_86", "+ptx80", 86},  {"sm_89", "+ptx80", 89},
    {"sm_90", "+ptx80", 90}, {"sm_90a", "+ptx80", 90}, {"sm_100a", "+ptx86", 100},
};

llvm::Expected<Architecture> Architecture::parse(llvm::StringRef name) {
  if (name.empty())
    return kArchitectures[0];
  for (const Architecture &architecture : kArchitectures)
    if (architecture.name == name)
      return architecture;
  auto names = llvm::map_range(kArchitectures, [](const Architecture &row) { return row.name; });
  return llvm::createStringError("cuda does not compile for '" + name + "'; it knows " +
                                 llvm::join(names, ", "));
}
