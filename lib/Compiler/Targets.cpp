// SPDX-License-Identifier: Apache-2.0
// The targets that this compiler has: a row for each, and those of libraries.

#include "torshjit/Compiler/Targets.h"
#include "torshjit/Target/CPU/CPUTarget.h"
#include "torshjit/Target/CUDA/CUDATarget.h"
#include "torshjit/Target/CUDA/Emulation/EmulatedCUDATarget.h"
#include "torshjit/Target/Metal/MetalTarget.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/DynamicLibrary.h"

using namespace mlir;
using namespace mlir::torsh;

namespace {

class Registry : public TargetRegistry {
public:
  Registry() {
    add(cpu::createTarget());
    add(cuda::createTarget());
    add(cuda::createEmulatedTarget());
    add(metal::createTarget());
    add(metal::createVulkanTarget());
  }
  void add(std::unique_ptr<Target> target) override { targets.push_back(std::move(target)); }

  std::vector<std::unique_ptr<Target>> targets;
};

} // namespace

static Registry &registry() {
  // Never destroyed: passes that are running may refer to a target.
  static auto *registry = new Registry;
  return *registry;
}

static llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

ArrayRef<std::unique_ptr<Target>> mlir::torsh::getTargets() { return registry().targets; }

llvm::Expected<TargetSpec> mlir::torsh::findTarget(StringRef name) {
  auto [kind, architecture] = name.split(':');
  for (const std::unique_ptr<Target> &target : getTargets()) {
    if (target->getName() != kind)
      continue;
    if (!architecture.empty())
      if (llvm::Error error = target->checkArchitecture(architecture))
        return std::move(error);
    return TargetSpec{target.get(), architecture.str()};
  }
  std::string known = llvm::join(
      llvm::map_range(getTargets(), [](const auto &target) { return target->getName(); }), ", ");
  return fail("this compiler has no target '" + kind + "'; it has " + known);
}

const Target *mlir::torsh::findTargetOf(StringRef name) {
  auto isCalled = [&](const auto &row) { return row.name == name; };
  for (const std::unique_ptr<Target> &target : getTargets())
    if (llvm::any_of(target->getPhases(), isCalled) ||
        llvm::any_of(target->getArtifacts(), isCalled))
      return target.get();
  return nullptr;
}

llvm::Error mlir::torsh::loadTargets(StringRef path) {
  std::string error;
  // The library stays loaded: its targets' code lies in it.
  auto library = llvm::sys::DynamicLibrary::getPermanentLibrary(path.str().c_str(), &error);
  if (!library.isValid())
    return fail("cannot load targets from " + path + ": " + error);
  void *symbol = library.getAddressOfSymbol(kRegisterTargetsSymbol.data());
  if (!symbol)
    return fail("cannot load targets from " + path + ": it has no function " +
                kRegisterTargetsSymbol);
  size_t before = getTargets().size();
  reinterpret_cast<RegisterTargetsFn *>(symbol)(registry());
  for (size_t added = before; added < getTargets().size(); ++added)
    for (size_t known = 0; known < added; ++known)
      if (getTargets()[known]->getName() == getTargets()[added]->getName()) {
        std::string name = getTargets()[added]->getName().str();
        registry().targets.resize(before);
        return fail("cannot load targets from " + path + ": there is a target '" + name +
                    "' already");
      }
  return llvm::Error::success();
}
