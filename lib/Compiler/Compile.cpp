// SPDX-License-Identifier: Apache-2.0
// From a module of torsh operations to a program and its machine code.

#include "torshjit/Compiler/Compile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "torshjit/Compiler/HostProgram.h"
#include "torshjit/Compiler/Phases.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"
#include "torshjit/Runtime/KernelABI.h"
#include "torshjit/Tensor/Passes.h"
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

/// The report of the fusion, with the schedules that were chosen since.
static std::string explain(ModuleOp module) {
  json::Object report;
  if (auto text = module->getAttrOfType<StringAttr>("torsh.fusion_report")) {
    llvm::Expected<json::Value> parsed = json::parse(text.getValue());
    if (parsed && parsed->getAsObject())
      report = std::move(*parsed->getAsObject());
    else if (!parsed)
      llvm::consumeError(parsed.takeError());
  }
  json::Object schedules;
  for (auto kernel : module.getOps<func::FuncOp>())
    if (auto schedule = kernel->getAttrOfType<ScheduleAttr>("torsh.schedule")) {
      std::string text;
      llvm::raw_string_ostream(text) << schedule;
      schedules[kernel.getSymName()] = text;
    }
  report["schedules"] = std::move(schedules);
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(report));
  return text;
}

static LogicalResult report(ModuleOp module, llvm::Error error) {
  return module.emitError(llvm::toString(std::move(error)));
}

FailureOr<CompiledProgram> mlir::torsh::compile(ModuleOp module, const CompileOptions &options) {
  CompiledProgram result;
  Stopwatch watch(result.timings);
  if (failed(findHostFunction(module)))
    return failure();
  size_t last = getPhases().size() - 1;
  for (size_t i = 0; i < last; ++i) {
    if (failed(runPhases(module, static_cast<int64_t>(i) - 1, i, options)))
      return failure();
    watch.lap(getPhases()[i].name);
  }
  // The last phase keeps only code of the target.
  FailureOr<func::FuncOp> host = findHostFunction(module);
  if (failed(host))
    return failure();
  FailureOr<HostProgram> program = buildHostProgram(*host, "cpu");
  if (failed(program))
    return failure();
  llvm::raw_string_ostream(result.program) << program->program;
  result.constants = std::move(program->constants);
  result.explanation = explain(module);
  std::vector<std::string> names;
  for (auto function : module.getOps<func::FuncOp>())
    if (isKernel(function))
      names.push_back(function.getSymName().str());
  watch.lap("host");
  if (failed(runPhases(module, static_cast<int64_t>(last) - 1, last, options)))
    return failure();
  watch.lap(getPhases()[last].name);
  if (names.empty())
    return result; // Nothing but copies.

  auto objects = cpu::generateCode(cpu::splitKernels(module), options.processor, options.threads);
  if (!objects)
    return report(module, objects.takeError());
  result.objects = std::move(*objects);
  watch.lap("object");
  auto code = cpu::LoadedCode::load(result.objects);
  if (!code)
    return report(module, code.takeError());
  result.code = std::move(*code);
  for (const std::string &name : names) {
    llvm::Expected<uint64_t> address = result.code->lookup(TORSH_KERNEL_PREFIX + name);
    if (!address)
      return report(module, address.takeError());
    result.kernels.emplace_back(name, *address);
  }
  watch.lap("load");
  return result;
}

FailureOr<std::string> mlir::torsh::compileToText(ModuleOp module, StringRef phase,
                                                  const CompileOptions &options) {
  std::string text;
  if (std::optional<size_t> to = findPhase(phase)) {
    if (failed(runPhases(module, -1, *to, options)))
      return failure();
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    return text;
  }
  if (phase != "llvmir" && phase != "assembly")
    return module.emitError("there is no phase '") << phase << "'", failure();
  if (failed(runPhases(module, -1, getPhases().size() - 1, options)))
    return failure();
  auto codes =
      cpu::generateCode(cpu::splitKernels(module), options.processor, options.threads,
                        phase == "llvmir" ? cpu::CodeKind::LLVMIR : cpu::CodeKind::Assembly);
  if (!codes)
    return FailureOr<std::string>(report(module, codes.takeError()));
  for (const std::string &code : *codes)
    text += code;
  return text;
}
