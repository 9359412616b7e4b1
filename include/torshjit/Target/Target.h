// SPDX-License-Identifier: Apache-2.0
// What the compiler asks of a target: the whole of it. The class needs no library
// of ours, so that a shared library from outside the tree can bring a target.

#ifndef TORSHJIT_TARGET_TARGET_H
#define TORSHJIT_TARGET_TARGET_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "torshjit/Target/Options.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace mlir::torsh {

/// One phase: its name, what holds after it, and the passes that make it so.
struct Phase {
  llvm::StringLiteral name;
  llvm::StringLiteral sentence;
};

/// A text that is made of the kernels past the last phase.
struct Artifact {
  llvm::StringLiteral name;
  llvm::StringLiteral sentence;
};

/// The machine code of a program's kernels.
class KernelCode {
public:
  virtual ~KernelCode() = default;
  /// Where the kernels lie in this process, by name; empty where they run
  /// elsewhere and the runtime has to load them.
  virtual llvm::ArrayRef<std::pair<std::string, uint64_t>> getAddresses() const { return {}; }
  /// The bytes that the runtime's device of the target loads.
  virtual llvm::Expected<std::string> serialize() const = 0;
};

/// From kernels of linalg operations to code. Has no state but what it was built
/// with: one object serves all compilations, on any thread.
class Target {
public:
  virtual ~Target() = default;

  /// How users and programs name it.
  virtual llvm::StringRef getName() const = 0;
  /// In a sentence, what it compiles for.
  virtual llvm::StringRef getSentence() const = 0;
  /// Fails, and says what is known, unless `architecture` (never empty) is.
  virtual llvm::Error checkArchitecture(llvm::StringRef architecture) const = 0;

  /// Adds passes over kernels and host function together, after which the host program is read
  /// off: the end of the phase linalg.
  virtual void buildPreparation(OpPassManager &pm, const CompileOptions &options) const {}

  /// The phases after linalg, in order. The kernels are functions with the
  /// attribute torsh.kernel; the others are gone.
  virtual llvm::ArrayRef<Phase> getPhases() const = 0;
  /// Adds the passes of the phase with this number.
  virtual void buildPhase(size_t number, OpPassManager &pm,
                          const CompileOptions &options) const = 0;

  virtual llvm::ArrayRef<Artifact> getArtifacts() const = 0;
  /// The artifact of a module that the last phase left.
  virtual llvm::Expected<std::string> printArtifact(ModuleOp module, llvm::StringRef name,
                                                    const CompileOptions &options) const = 0;

  /// What generate needs to know of the module before the last phase, as text; asked
  /// after each phase but the last, and the latest that is not empty counts.
  virtual std::string describeKernels(ModuleOp module, const CompileOptions &options) const {
    return "";
  }
  /// Code of a module that the last phase left, and of describeKernels' text.
  virtual llvm::Expected<std::unique_ptr<KernelCode>>
  generate(ModuleOp module, llvm::StringRef description, const CompileOptions &options) const = 0;

  /// The names of the composite operations that it takes whole where they can stay so; all
  /// others are decomposed before fusion.
  virtual llvm::ArrayRef<llvm::StringLiteral> getWholeOperations() const { return {}; }

  /// The dialects that its phases use.
  virtual void registerDialects(DialectRegistry &registry) const {}
};

/// Takes the targets that a library brings.
class TargetRegistry {
public:
  virtual ~TargetRegistry() = default;
  virtual void add(std::unique_ptr<Target> target) = 0;
};

/// A library of targets exports a function of this name and type.
inline constexpr llvm::StringLiteral kRegisterTargetsSymbol = "torshRegisterTargets";
using RegisterTargetsFn = void(TargetRegistry &);

} // namespace mlir::torsh

#endif // TORSHJIT_TARGET_TARGET_H
