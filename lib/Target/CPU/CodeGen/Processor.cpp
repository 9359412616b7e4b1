// SPDX-License-Identifier: Apache-2.0
// The processor this process runs on.

#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>

using namespace mlir::torsh::cpu;

void mlir::torsh::cpu::initializeNativeTarget() {
  static std::once_flag initialised;
  std::call_once(initialised, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
}

static Processor detect() {
  initializeNativeTarget();
  Processor host;
  host.triple = llvm::sys::getProcessTriple();
  host.name = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> present = llvm::sys::getHostCPUFeatures();

  // A virtual machine may hide some of what its processor has.
  std::string error;
  llvm::Triple triple(host.triple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  std::unique_ptr<llvm::MCSubtargetInfo> byName;
  if (target)
    byName.reset(target->createMCSubtargetInfo(triple, host.name, ""));
  std::vector<std::pair<std::string, bool>> different;
  for (const auto &feature : present) {
    std::string enabled = ("+" + feature.getKey()).str();
    if (!byName || byName->checkFeatures(enabled) != feature.getValue())
      different.emplace_back(feature.getKey().str(), feature.getValue());
  }
  // In the order of their names, so that equal processors have equal strings.
  std::sort(different.begin(), different.end());
  llvm::SubtargetFeatures features;
  for (const auto &[name, enabled] : different)
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
