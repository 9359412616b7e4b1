// SPDX-License-Identifier: Apache-2.0
// The caches of the machine this process runs on.

#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include <fstream>
#include <string>

using namespace mlir::torsh::cpu;

/// Linux describes each cache of each processor in a folder of small files.
static CacheSizes detect() {
  CacheSizes sizes;
  for (int index = 0; index < 8; ++index) {
    std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    int level = 0;
    std::string type;
    int64_t size = 0;
    char unit = 0;
    if (!(std::ifstream(folder + "level") >> level) || !(std::ifstream(folder + "type") >> type) ||
        !(std::ifstream(folder + "size") >> size >> unit) || size <= 0 || type == "Instruction")
      continue;
    int64_t bytes = size << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
    if (level == 1)
      sizes.level1 = bytes;
    else if (level == 2)
      sizes.level2 = bytes;
  }
  return sizes;
}

const CacheSizes &CacheSizes::host() {
  static const CacheSizes host = detect();
  return host;
}
