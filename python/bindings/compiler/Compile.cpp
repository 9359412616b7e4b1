// SPDX-License-Identifier: Apache-2.0
// Compiling from Python.

#include "torshjit/Compiler/Compile.h"
#include "Attributes.h"
#include "Diagnostics.h"
#include "GraphBuilder.h"
#include "torshjit/Compiler/Phases.h"
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

mlir::torsh::CompileOptions readOptions(nb::dict options) {
  mlir::torsh::CompileOptions result;
  for (auto [key, value] : options) {
    auto name = nb::cast<std::string>(key);
    if (name == "target") {
      if (nb::cast<std::string>(value) != "cpu")
        throw nb::value_error(
            ("this compiler has no target '" + nb::cast<std::string>(value) + "'").c_str());
    } else if (name == "fusion_strategy") {
      result.fusionStrategy = nb::cast<std::string>(value);
    } else if (name == "max_fusion_size") {
      result.maxFusionSize = nb::cast<int64_t>(value);
    } else if (name == "enable_optimizations") {
      result.optimize = nb::cast<bool>(value);
    } else if (name == "numerics") {
      result.fast = nb::cast<std::string>(value) == "fast";
    } else if (name == "dump_dir") {
      result.dumpDirectory = value.is_none() ? "" : nb::cast<std::string>(value);
    } else if (name == "num_threads") {
      if (!value.is_none())
        result.threads = std::max<int64_t>(nb::cast<int64_t>(value), 1);
    } else {
      throw nb::value_error(("unknown compile option '" + name + "'").c_str());
    }
  }
  return result;
}

PyCompileResult compileModule(Module &module, nb::dict options) {
  mlir::torsh::CompileOptions compileOptions = readOptions(options);
  DiagnosticCollector diagnostics(module.context->get());
  OwningOpRef<ModuleOp> copy = module.op->clone();
  auto program = mlir::torsh::compile(*copy, compileOptions);
  if (failed(program) || diagnostics.hasError())
    diagnostics.raise("the compilation failed");
  return {module.context, std::make_shared<mlir::torsh::CompiledProgram>(std::move(*program))};
}

std::string runToPhase(Module &module, const std::string &phase, nb::dict options) {
  mlir::torsh::CompileOptions compileOptions = readOptions(options);
  DiagnosticCollector diagnostics(module.context->get());
  OwningOpRef<ModuleOp> copy = module.op->clone();
  auto text = mlir::torsh::compileToText(*copy, phase, compileOptions);
  if (failed(text) || diagnostics.hasError())
    diagnostics.raise("the compilation failed");
  return *text;
}

nb::bytes linkResult(const PyCompileResult &result) {
  auto library = mlir::torsh::cpu::linkSharedLibrary(result.program->objects);
  if (!library)
    throw std::runtime_error(llvm::toString(library.takeError()));
  return nb::bytes(library->data(), library->size());
}

} // namespace

void torshjit::python::bindCompile(nb::module_ &m) {
  nb::class_<PyCompileResult>(m, "CompileResult", "A program and its machine code.")
      .def_prop_ro("program", [](const PyCompileResult &r) { return r.program->program; })
      .def_prop_ro("explain", [](const PyCompileResult &r) { return r.program->explanation; })
      .def_prop_ro("kernels",
                   [](const PyCompileResult &r) {
                     nb::dict kernels;
                     for (const auto &[name, address] : r.program->kernels)
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
      .def("shared_object", &linkResult, "The kernels as an ELF shared library.");
  m.def("compile", &compileModule, nb::arg("module"), nb::arg("options") = nb::dict(),
        "Compiles a module for this process's CPU; raises MLIRError.");
  m.def("run_to_phase", &runToPhase, nb::arg("module"), nb::arg("phase"),
        nb::arg("options") = nb::dict(), "The IR as text after a phase.");
  m.def("phases", [] {
    std::vector<std::pair<std::string, std::string>> phases;
    for (const mlir::torsh::Phase &phase : mlir::torsh::getPhases())
      phases.emplace_back(phase.name.str(), phase.sentence.str());
    return phases;
  });
  m.def("host_processor", [] {
    const mlir::torsh::cpu::Processor &host = mlir::torsh::cpu::Processor::host();
    nb::dict description;
    description["triple"] = host.triple;
    description["name"] = host.name;
    description["features"] = host.features;
    description["vector_bits"] = host.vectorBits;
    return description;
  });
}
