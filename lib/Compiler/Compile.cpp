// SPDX-License-Identifier: Apache-2.0
// From a module of torsh operations to a program and its machine code.

#include "torshjit/Compiler/Compile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "torshjit/Compiler/HostProgram.h"
#include "torshjit/Compiler/Phases.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace mlir;
using namespace mlir::torsh;

namespace json = llvm::json;

namespace {

/// Adds up how long the parts of a compilation take.
class Stopwatch {
public:
  explicit Stopwatch(std::vector<std::pair<std::string, double>> &laps) : laps(laps) {}
  void lap(StringRef name) {
    auto now = std::chrono::steady_clock::now();
    laps.emplace_back(name.str(), std::chrono::duration<double, std::milli>(now - last).count());
    last = now;
  }

private:
  std::vector<std::pair<std::string, double>> &laps;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

} // namespace

/// The report of the fusion, with the schedules that were chosen since, which kernels pack
/// weights of which others, and the kernels of launches that are executed once.
static std::string explain(ModuleOp module, const llvm::StringMap<int64_t> &once) {
  json::Object report;
  if (auto text = module->getAttrOfType<StringAttr>("torsh.fusion_report")) {
    llvm::Expected<json::Value> parsed = json::parse(text.getValue());
    if (parsed && parsed->getAsObject())
      report = std::move(*parsed->getAsObject());
    else if (!parsed)
      llvm::consumeError(parsed.takeError());
  }
  json::Object schedules, packed;
  module.walk([&](FunctionOpInterface kernel) {
    if (auto packing = kernel->getAttrOfType<StringAttr>("torsh.packed_by"))
      packed[kernel.getName()] = packing.getValue();
    auto schedule = kernel->getAttrOfType<ScheduleAttr>("torsh.schedule");
    if (!schedule)
      return;
    // Past the shared phases a function may be called otherwise than its kernel.
    auto name = kernel->getAttrOfType<StringAttr>("torsh.kernel");
    std::string text;
    llvm::raw_string_ostream(text) << schedule;
    schedules[name ? name.getValue() : StringRef(kernel.getName())] = text;
  });
  report["schedules"] = std::move(schedules);
  report["packed"] = std::move(packed);
  json::Object onceLaunches;
  for (const auto &row : once)
    onceLaunches[row.getKey()] = row.getValue();
  report["once"] = std::move(onceLaunches);
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(report));
  return text;
}

static LogicalResult report(ModuleOp module, llvm::Error error) {
  return module.emitError(llvm::toString(std::move(error)));
}

FailureOr<CompiledProgram> mlir::torsh::compile(ModuleOp module, const Target &target,
                                                const CompileOptions &options) {
  CompiledProgram result;
  Stopwatch watch(result.timings);
  if (failed(findHostFunction(module)))
    return failure();
  SmallVector<Phase> phases = getPhases(target);
  std::string description;
  llvm::StringMap<int64_t> once;
  for (size_t i = 0; i < phases.size(); ++i) {
    if (failed(runPhases(target, module, static_cast<int64_t>(i) - 1, i, options)))
      return failure();
    watch.lap(phases[i].name);
    if (i + 1 == getNumSharedPhases()) {
      FailureOr<func::FuncOp> host = findHostFunction(module);
      if (failed(host))
        return failure();
      FailureOr<HostProgram> program = buildHostProgram(*host, target.getName());
      if (failed(program))
        return failure();
      llvm::raw_string_ostream(result.program) << program->program;
      result.constants = std::move(program->constants);
      once = std::move(program->once);
      watch.lap("host");
    }
    // The last phase keeps only code of the target.
    if (i + 1 >= getNumSharedPhases() && i + 1 < phases.size()) {
      result.explanation = explain(module, once);
      if (std::string text = target.describeKernels(module, options); !text.empty())
        description = std::move(text);
    }
  }
  auto code = target.generate(module, description, options);
  if (!code)
    return report(module, code.takeError());
  result.code = std::move(*code);
  watch.lap("code");
  return result;
}

FailureOr<std::string> mlir::torsh::compileToText(ModuleOp module, StringRef phase,
                                                  const Target &target,
                                                  const CompileOptions &options, int64_t from) {
  if (std::optional<size_t> to = findPhase(target, phase)) {
    if (failed(runPhases(target, module, from, *to, options)))
      return failure();
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    return text;
  }
  if (llvm::none_of(target.getArtifacts(), [&](const Artifact &row) { return row.name == phase; }))
    return module.emitError("there is no phase '") << phase << "'", failure();
  if (failed(runPhases(target, module, from, getPhases(target).size() - 1, options)))
    return failure();
  llvm::Expected<std::string> text = target.printArtifact(module, phase, options);
  if (!text)
    return FailureOr<std::string>(report(module, text.takeError()));
  return *text;
}
