// SPDX-License-Identifier: Apache-2.0
// The processor this process runs on, and others by their names.

#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"
#include <map>
#include <mutex>

using namespace mlir::torsh::cpu;
using llvm::StringRef;

/// The architectures that kernels are made for, and LLVM's name of the plainest processor of each.
static constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral> kArchitectures[] = {
    {"x86_64", "x86-64"},
    {"aarch64", "generic"},
};

/// Registers the code generators of those, once.
static void initializeTargets() {
  static std::once_flag initialised;
  std::call_once(initialised, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
  });
}

/// LLVM's table of a processor, or null if it knows none of that name.
static std::unique_ptr<llvm::MCSubtargetInfo> lookUp(StringRef triple, StringRef name) {
  std::string error;
  llvm::Triple parsed(triple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return nullptr;
  // Of an unknown processor LLVM would print a warning and take another.
  std::unique_ptr<llvm::MCSubtargetInfo> plain(target->createMCSubtargetInfo(parsed, "", ""));
  if (!plain || !plain->isCPUStringValid(name))
    return nullptr;
  return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(parsed, name, ""));
}

static int64_t widestVector(const Processor &processor) {
  if (processor.has("avx512f"))
    return 512;
  return processor.has("avx") ? 256 : 128;
}

static Processor detect() {
  initializeTargets();
  Processor host;
  host.triple = llvm::sys::getProcessTriple();
  host.name = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();

  // A virtual machine may hide some of what its processor has.
  std::unique_ptr<llvm::MCSubtargetInfo> byName = lookUp(host.triple, host.name);
  std::vector<std::pair<std::string, bool>> different;
  for (const auto &feature : features) {
    if (feature.getValue())
      host.present.insert(feature.getKey());
    std::string enabled = ("+" + feature.getKey()).str();
    if (!byName || byName->checkFeatures(enabled) != feature.getValue())
      different.emplace_back(feature.getKey().str(), feature.getValue());
  }
  // In the order of their names, so that equal processors have equal strings.
  std::sort(different.begin(), different.end());
  llvm::SubtargetFeatures changes;
  for (const auto &[name, enabled] : different)
    changes.AddFeature(name, enabled);
  // On these a gather takes longer than a load for each element, and holds up what comes after.
  if (StringRef(host.name).starts_with("znver"))
    changes.AddFeature("prefer-no-gather", true);
  host.features = changes.getString();
  host.vectorBits = widestVector(host);
  return host;
}

const Processor &Processor::host() {
  static const Processor host = detect();
  return host;
}

/// Features that a system or a library uses, never what is generated here; hypervisors hide them.
static constexpr llvm::StringLiteral kNeverGenerated[] = {
    "clwb",  "clzero", "fsgsbase", "invpcid", "mwaitx",   "pku",   "prfchw", "ptwrite",  "rdpid",
    "rdpru", "sgx",    "shstk",    "waitpkg", "wbnoinvd", "xsave", "xsavec", "xsaveopt", "xsaves"};

/// The features of the host are known by name; of those that LLVM's table holds beside them,
/// most are about speed.
static std::vector<std::string> findMissing(const Processor &processor) {
  const Processor &host = Processor::host();
  if (processor.getMachine() != host.getMachine())
    return {processor.getMachine().str()};
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  std::vector<std::string> missing;
  for (StringRef feature : processor.present.keys())
    if (auto known = features.find(feature); known != features.end() && !known->getValue() &&
                                             !llvm::is_contained(kNeverGenerated, feature))
      missing.push_back(feature.str());
  std::sort(missing.begin(), missing.end());
  return missing;
}

llvm::Expected<const Processor *> Processor::find(StringRef name) {
  const Processor &host = Processor::host();
  if (name.empty())
    return &host;
  static std::mutex mutex;
  static auto *known = new std::map<std::string, Processor, std::less<>>;
  std::lock_guard<std::mutex> lock(mutex);
  if (auto found = known->find(name); found != known->end())
    return &found->second;
  for (auto [machine, plainest] : kArchitectures) {
    Processor processor;
    processor.triple = host.getMachine() == machine ? host.triple : (machine + "-linux-gnu").str();
    processor.name = name == machine ? plainest.str() : name.str();
    std::unique_ptr<llvm::MCSubtargetInfo> table = lookUp(processor.triple, processor.name);
    if (!table || (name == plainest && plainest == "generic"))
      continue;
    for (const llvm::SubtargetFeatureKV &feature : table->getEnabledProcessorFeatures())
      processor.present.insert(feature.Key);
    processor.vectorBits = widestVector(processor);
    processor.missingHere = findMissing(processor);
    return &known->emplace(name.str(), std::move(processor)).first->second;
  }
  return llvm::createStringError(
      "LLVM knows no processor '" + name +
      "'; it knows x86-64, x86-64-v3, x86-64-v4, aarch64, neoverse-n1, apple-m1 and many others");
}
