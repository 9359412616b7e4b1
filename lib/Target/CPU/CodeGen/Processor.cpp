// SPDX-License-Identifier: Apache-2.0
// The processor this process runs on.

#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir::torsh::cpu;

static Processor detect() {
  Processor host;
  host.triple = llvm::sys::getProcessTriple();
  host.name = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> present = llvm::sys::getHostCPUFeatures();
  llvm::SubtargetFeatures features;
  // In the order of their names, so that equal processors have equal strings.
  std::vector<std::pair<std::string, bool>> sorted;
  for (const auto &feature : present)
    sorted.emplace_back(feature.getKey().str(), feature.getValue());
  std::sort(sorted.begin(), sorted.end());
  for (const auto &[name, enabled] : sorted)
    features.AddFeature(name, enabled);
  host.features = features.getString();
  if (present.lookup("avx512f"))
    host.vectorBits = 512;
  else if (present.lookup("avx"))
    host.vectorBits = 256;
  return host;
}

const Processor &Processor::host() {
  static const Processor host = detect();
  return host;
}
