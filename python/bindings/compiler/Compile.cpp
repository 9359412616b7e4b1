// SPDX-License-Identifier: Apache-2.0
// Compiling from Python.

#include "torshjit/Compiler/Compile.h"
#include "Attributes.h"
#include "Diagnostics.h"
#include "GraphBuilder.h"
#include "torshjit/Compiler/Phases.h"
#include "torshjit/Compiler/Targets.h"
#include "torshjit/Target/CPU/CodeGen/CodeGen.h"
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

namespace {

/// The result of a compilation. The context outlives the constants.
struct PyCompileResult {
  std::shared_ptr<Context> context;
  std::shared_ptr<mlir::torsh::CompiledProgram> program;
};

/// What the options dict of Python says.
struct Request {
  const mlir::torsh::Target *target = nullptr;
  mlir::torsh::CompileOptions options;
};

mlir::torsh::TargetSpec findTarget(const std::string &name) {
  llvm::Expected<mlir::torsh::TargetSpec> spec = mlir::torsh::findTarget(name);
  if (!spec)
    throw nb::value_error(llvm::toString(spec.takeError()).c_str());
  return *spec;
}

Request readOptions(nb::dict options) {
  Request request;
  request.target = mlir::torsh::getTargets().front().get();
  mlir::torsh::CompileOptions &result = request.options;
  for (auto [key, value] : options) {
    auto name = nb::cast<std::string>(key);
    if (name == "target") {
      mlir::torsh::TargetSpec spec = findTarget(nb::cast<std::string>(value));
      request.target = spec.target;
      result.architecture = spec.architecture;
    } else if (name == "fusion_strategy") {
      result.fusionStrategy = nb::cast<std::string>(value);
    } else if (name == "max_fusion_size") {
      result.maxFusionSize = nb::cast<int64_t>(value);
    } else if (name == "fusion_rules") {
      result.fusionRules = nb::cast<std::vector<std::string>>(value);
    } else if (name == "schedules") {
      result.schedules = nb::cast<std::vector<std::pair<std::string, std::string>>>(value);
    } else if (name == "enable_optimizations") {
      result.optimize = nb::cast<bool>(value);
    } else if (name == "numerics") {
      result.fast = nb::cast<std::string>(value) == "fast";
    } else if (name == "device_library") {
      result.deviceLibrary = nb::cast<std::string>(value);
    } else if (name == "dump_dir") {
      result.dumpDirectory = value.is_none() ? "" : nb::cast<std::string>(value);
    } else if (name == "num_threads") {
      if (!value.is_none())
        result.threads = std::max<int64_t>(nb::cast<int64_t>(value), 1);
    } else {
      throw nb::value_error(("unknown compile option '" + name + "'").c_str());
    }
  }
  return request;
}

PyCompileResult compileModule(Module &module, nb::dict options) {
  Request request = readOptions(options);
  DiagnosticCollector diagnostics(module.context->get());
  OwningOpRef<ModuleOp> copy = module.op->clone();
  auto program = mlir::torsh::compile(*copy, *request.target, request.options);
  if (failed(program) || diagnostics.hasError())
    diagnostics.raise("the compilation failed");
  return {module.context, std::make_shared<mlir::torsh::CompiledProgram>(std::move(*program))};
}

std::string runToPhase(Module &module, const std::string &phase, nb::dict options) {
  Request request = readOptions(options);
  DiagnosticCollector diagnostics(module.context->get());
  OwningOpRef<ModuleOp> copy = module.op->clone();
  auto text = mlir::torsh::compileToText(*copy, phase, *request.target, request.options);
  if (failed(text) || diagnostics.hasError())
    diagnostics.raise("the compilation failed");
  return *text;
}

std::shared_ptr<Module> captureModule(Module &module) {
  DiagnosticCollector diagnostics(module.context->get());
  auto result = std::make_shared<Module>();
  result->context = module.context;
  result->op = module.op->clone();
  const mlir::torsh::Target &any = *mlir::torsh::getTargets().front();
  if (failed(mlir::torsh::runPhases(any, *result->op, -1, 0, {})) || diagnostics.hasError())
    diagnostics.raise("the module cannot be imported");
  return result;
}

nb::bytes serializeResult(const PyCompileResult &result) {
  llvm::Expected<std::string> bytes = result.program->code->serialize();
  if (!bytes)
    throw std::runtime_error(llvm::toString(bytes.takeError()));
  return nb::bytes(bytes->data(), bytes->size());
}

nb::bytes generateBinary(Module &module, const std::string &description, nb::dict options) {
  Request request = readOptions(options);
  DiagnosticCollector diagnostics(module.context->get());
  OwningOpRef<ModuleOp> copy = module.op->clone();
  auto code = request.target->generate(*copy, description, request.options);
  if (!code) {
    std::string message = llvm::toString(code.takeError());
    diagnostics.raise(message.c_str());
  }
  llvm::Expected<std::string> bytes = (*code)->serialize();
  if (!bytes)
    throw std::runtime_error(llvm::toString(bytes.takeError()));
  return nb::bytes(bytes->data(), bytes->size());
}

} // namespace

void torshjit::python::bindCompile(nb::module_ &m) {
  nb::class_<PyCompileResult>(m, "CompileResult", "A program and its machine code.")
      .def_prop_ro("program", [](const PyCompileResult &r) { return r.program->program; })
      .def_prop_ro("explain", [](const PyCompileResult &r) { return r.program->explanation; })
      .def_prop_ro("kernels",
                   [](const PyCompileResult &r) {
                     nb::dict kernels;
                     for (const auto &[name, address] : r.program->code->getAddresses())
                       kernels[name.c_str()] = address;
                     return kernels;
                   })
      .def_prop_ro("constants",
                   [](const PyCompileResult &r) {
                     nb::list constants;
                     for (ElementsAttr constant : r.program->constants)
                       constants.append(fromElements(constant));
                     return constants;
                   })
      .def_prop_ro("timings_ms",
                   [](const PyCompileResult &r) {
                     nb::dict timings;
                     for (const auto &[name, ms] : r.program->timings)
                       timings[name.c_str()] = ms;
                     return timings;
                   })
      .def_prop_ro(
          "code", [](nb::object self) { return self; }, "What keeps the machine code loaded.")
      .def("binary", &serializeResult,
           "The kernels as the bytes that the runtime's device of the target loads.");
  m.def("compile", &compileModule, nb::arg("module"), nb::arg("options") = nb::dict(),
        "Compiles a module for the option `target`; raises MLIRError.");
  m.def("run_to_phase", &runToPhase, nb::arg("module"), nb::arg("phase"),
        nb::arg("options") = nb::dict(), "The IR as text after a phase.");
  m.def("capture", &captureModule, nb::arg("module"),
        "The module after the phase capture, which is the same for every target.");
  m.def("generate", &generateBinary, nb::arg("module"), nb::arg("description"),
        nb::arg("options") = nb::dict(),
        "The kernels of a module that the target's last phase left, as the bytes that its "
        "device loads. description: what the target says of the kernels before that phase, "
        "for a GPU the kernel bundle without its modules (docs/Runtime.md).");
  m.def(
      "phases",
      [](const std::string &target) {
        std::vector<std::pair<std::string, std::string>> phases;
        for (const mlir::torsh::Phase &phase : mlir::torsh::getPhases(*findTarget(target).target))
          phases.emplace_back(phase.name.str(), phase.sentence.str());
        return phases;
      },
      nb::arg("target") = mlir::torsh::getTargets().front()->getName().str(),
      "Name and sentence of each phase on the way to a target.");
  m.def(
      "artifacts",
      [](const std::string &target) {
        std::vector<std::pair<std::string, std::string>> artifacts;
        for (const mlir::torsh::Artifact &artifact : findTarget(target).target->getArtifacts())
          artifacts.emplace_back(artifact.name.str(), artifact.sentence.str());
        return artifacts;
      },
      nb::arg("target"), "Name and sentence of each text made past a target's last phase.");
  m.def(
      "targets",
      [] {
        std::vector<std::pair<std::string, std::string>> targets;
        for (const auto &target : mlir::torsh::getTargets())
          targets.emplace_back(target->getName().str(), target->getSentence().str());
        return targets;
      },
      "Name and sentence of each target.");
  m.def(
      "load_targets",
      [](const std::string &path) {
        if (llvm::Error error = mlir::torsh::loadTargets(path))
          throw nb::value_error(llvm::toString(std::move(error)).c_str());
      },
      nb::arg("path"),
      "Adds the targets of a shared library; contexts made before lack their "
      "dialects.");
  m.def(
      "processor",
      [](const std::string &name) {
        auto processor = mlir::torsh::cpu::Processor::find(name);
        if (!processor)
          throw nb::value_error(llvm::toString(processor.takeError()).c_str());
        std::vector<std::string> features;
        for (llvm::StringRef feature : (*processor)->present.keys())
          features.push_back(feature.str());
        std::sort(features.begin(), features.end());
        nb::dict description;
        description["machine"] = (*processor)->getMachine().str();
        description["name"] = (*processor)->name;
        description["features"] = features;
        description["vector_bits"] = (*processor)->vectorBits;
        description["missing_here"] = (*processor)->missingHere;
        return description;
      },
      nb::arg("name") = "",
      "What is known of a processor, by LLVM's names; of this machine's without a name. Raises "
      "ValueError if LLVM knows none of that name.");
}
