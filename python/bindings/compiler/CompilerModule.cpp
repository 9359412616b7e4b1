// SPDX-License-Identifier: Apache-2.0
// The extension module torshjit._compiler.

#include "Diagnostics.h"
#include "GraphBuilder.h"
#include "ResultTypes.h"
#include "SourceCheck.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "torshjit/Compiler/Registration.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace mlir;
using namespace torshjit::python;

Context::Context() : context(MLIRContext::Threading::DISABLED) {
  DialectRegistry registry;
  mlir::torsh::registerDialects(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

static std::shared_ptr<Module> parseModule(nb::object source, std::shared_ptr<Context> context) {
  std::string text;
  if (nb::isinstance<nb::bytes>(source)) {
    auto bytes = nb::cast<nb::bytes>(source);
    text.assign(bytes.c_str(), bytes.size());
  } else {
    text = nb::cast<std::string>(source);
  }
  DiagnosticCollector diagnostics(context->get());
  auto module = std::make_shared<Module>();
  module->context = context;
  bool isBytecode = mlir::isBytecode(llvm::MemoryBufferRef(text, "-"));
  if (!isBytecode && failed(checkSource(text, context->get())))
    diagnostics.raise("cannot parse the module");
  module->op = parseSourceString<ModuleOp>(text, ParserConfig(context->get()));
  if (!module->op || diagnostics.hasError())
    diagnostics.raise("cannot parse the module");
  return module;
}

NB_MODULE(_compiler, m) {
  m.doc() = "The compiler: MLIR in, machine code out.";
  DiagnosticCollector::bind(m);
  nb::class_<Context>(m, "Context", "An MLIR context with every dialect registered.")
      .def(nb::init<>());

  nb::class_<Module> module(m, "Module", "An MLIR module.");
  module
      .def_static("parse", &parseModule, nb::arg("asm"), nb::arg("context"),
                  "Parses text or bytecode; raises MLIRError.")
      .def("__str__",
           [](Module &self) {
             std::string text;
             llvm::raw_string_ostream stream(text);
             self.op->print(stream);
             return text;
           })
      .def("bytecode",
           [](Module &self) {
             std::string bytes;
             llvm::raw_string_ostream stream(bytes);
             if (failed(writeBytecodeToFile(*self.op, stream)))
               throw nb::value_error("cannot write the module as bytecode");
             return nb::bytes(bytes.data(), bytes.size());
           })
      .def(
          "freeze_inputs",
          [](Module &self, const std::string &entry, const std::vector<unsigned> &inputs) {
            auto function = self.op->lookupSymbol<func::FuncOp>(entry);
            for (unsigned input : inputs) {
              if (!function || input >= function.getNumArguments())
                throw nb::value_error("there is no such input");
              function.setArgAttr(input, mlir::torsh::kFrozenAttrName,
                                  UnitAttr::get(function.getContext()));
            }
          },
          nb::arg("entry"), nb::arg("inputs"),
          "Marks inputs of a function, by their places, whose contents never change.")
      .def(
          "without_frozen_inputs",
          [](std::shared_ptr<Module> self, const std::string &entry) {
            auto isFrozen = [](func::FuncOp function, unsigned input) {
              return function.getArgAttr(input, mlir::torsh::kFrozenAttrName) != nullptr;
            };
            auto function = self->op->lookupSymbol<func::FuncOp>(entry);
            auto inputs = llvm::seq<unsigned>(0, function ? function.getNumArguments() : 0);
            if (llvm::none_of(inputs, [&](unsigned input) { return isFrozen(function, input); }))
              return self;
            auto copy = std::make_shared<Module>();
            copy->context = self->context;
            copy->op = self->op->clone();
            function = copy->op->lookupSymbol<func::FuncOp>(entry);
            for (unsigned input : inputs)
              function.removeArgAttr(input, mlir::torsh::kFrozenAttrName);
            return copy;
          },
          nb::arg("entry"), "The module, or a copy of it, with no input that is frozen.")
      .def("verify",
           [](Module &self) {
             DiagnosticCollector diagnostics(self.context->get());
             if (failed(mlir::verify(*self.op)))
               diagnostics.raise("the module is invalid");
           })
      .def("clone",
           [](Module &self) {
             auto copy = std::make_shared<Module>();
             copy->context = self.context;
             copy->op = self.op->clone();
             return copy;
           })
      .def("functions", [](Module &self) {
        std::vector<std::string> names;
        for (auto function : self.op->getOps<func::FuncOp>())
          names.push_back(function.getSymName().str());
        return names;
      });
  bindGraphBuilder(m);
  bindGraphRecords(m, module);
  bindRewrites(m, module);
  bindResultTypes(m);
  bindCompile(m);
}
