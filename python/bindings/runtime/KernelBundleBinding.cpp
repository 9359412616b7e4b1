// SPDX-License-Identifier: Apache-2.0
// Kernel bundles for devices that are written in Python.
#include "KernelBundleBinding.h"

#include "torshjit/Runtime/Error.h"
#include "torshjit/Runtime/KernelBundle.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace torsh::python {
namespace {
using runtime::BundledKernel;
using runtime::KernelBundle;
using runtime::KernelVariant;

nb::dict describeVariant(const KernelVariant &variant) {
  nb::list grid;
  for (const KernelVariant::GridFactor &factor : variant.grid) {
    nb::list row;
    row.append(factor.per);
    for (int64_t extent : factor.extents)
      row.append(extent);
    grid.append(row);
  }
  nb::list divisible;
  for (const KernelVariant::Divisibility &demand : variant.divisible)
    divisible.append(nb::make_tuple(demand.size, demand.divisor));
  nb::dict result;
  result["entry"] = variant.entry;
  result["module"] = variant.module;
  result["threads"] = variant.threads;
  result["shared_bytes"] = variant.sharedBytes;
  result["grid"] = grid;
  result["alignment"] = variant.alignment;
  result["divisible"] = divisible;
  return result;
}

nb::dict describeKernel(const KernelBundle &bundle, const std::string &name) {
  static constexpr const char *kAccess[] = {"read", "write", "readwrite"};
  const BundledKernel &kernel = bundle.kernel(name);
  nb::list operands;
  for (const BundledKernel::Operand &operand : kernel.operands)
    operands.append(nb::make_tuple(std::string(runtime::name(operand.dtype)),
                                   kAccess[static_cast<size_t>(operand.access)]));
  nb::list variants;
  for (const KernelVariant &variant : kernel.variants)
    variants.append(describeVariant(variant));
  nb::dict result;
  result["operands"] = operands;
  result["sizes"] = kernel.numSizes;
  result["variants"] = variants;
  return result;
}

nb::tuple launchOf(const KernelBundle &bundle, const std::string &name,
                   const std::vector<uintptr_t> &addresses, const std::vector<int64_t> &sizes,
                   int64_t limit) {
  const BundledKernel &kernel = bundle.kernel(name);
  if (addresses.size() != kernel.operands.size() || sizes.size() != kernel.numSizes)
    throw nb::value_error(
        ("kernel \"" + name + "\" takes " + std::to_string(kernel.operands.size()) +
         " operands and " + std::to_string(kernel.numSizes) + " sizes, got " +
         std::to_string(addresses.size()) + " and " + std::to_string(sizes.size()))
            .c_str());
  std::vector<void *> pointers;
  pointers.reserve(addresses.size());
  for (uintptr_t address : addresses)
    pointers.push_back(reinterpret_cast<void *>(address));
  const KernelVariant &variant = runtime::chooseVariant(kernel, pointers.data(), sizes.data());
  return nb::make_tuple(&variant - kernel.variants.data(),
                        runtime::gridSize(variant, sizes.data(), limit));
}
} // namespace

void bindKernelBundle(nb::module_ &m) {
  nb::class_<KernelBundle>(m, "KernelBundle",
                           "The kernels of a program for a device that launches grids, from JSON "
                           "(docs/Runtime.md). Malformed text raises the registered program error.")
      .def(
          "__init__",
          [](KernelBundle *self, const std::string &text) {
            new (self) KernelBundle(KernelBundle::parse(text));
          },
          nb::arg("text"))
      .def_ro("target", &KernelBundle::target)
      .def_ro("architecture", &KernelBundle::architecture)
      .def_ro("modules", &KernelBundle::modules,
              "Of each module its code by the name of the language.")
      .def_prop_ro("kernels",
                   [](const KernelBundle &self) {
                     nb::list names;
                     for (const auto &[name, kernel] : self.kernels)
                       names.append(name);
                     return names;
                   })
      .def("kernel", describeKernel, nb::arg("name"),
           "{operands: [(dtype, access)], sizes: how many, variants: [{entry, module, threads, "
           "shared_bytes, grid, alignment, divisible}]}; the registered program error where there "
           "is no such kernel.")
      .def("launch", launchOf, nb::arg("kernel"), nb::arg("addresses"), nb::arg("sizes"),
           nb::arg("grid_limit"),
           "(variant, blocks) of a launch on these operands; with 0 blocks it is left out. Raises "
           "ValueError when their numbers are not the kernel's.");
}

} // namespace torsh::python
