// SPDX-License-Identifier: Apache-2.0
// The table of instructions for dot products of narrow elements.

#include "DotForms.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::torsh;
using namespace mlir::torsh::cpu;
using Elements = DotForm::Elements;

static constexpr DotForm kForms[] = {
    {"avx512bf16", Elements::BF16, 2, 512, "llvm.x86.avx512bf16.dpbf16ps.512"},
    {"avx512bf16", Elements::BF16, 2, 256, "llvm.x86.avx512bf16.dpbf16ps.256"},
    {"avx512bf16", Elements::BF16, 2, 128, "llvm.x86.avx512bf16.dpbf16ps.128"},
    {"bf16", Elements::BF16, 2, 128, "llvm.aarch64.neon.bfdot"},
    {"avx512vnni", Elements::MixedBytes, 4, 512, "llvm.x86.avx512.vpdpbusd.512"},
    {"avx512vnni", Elements::MixedBytes, 4, 256, "llvm.x86.avx512.vpdpbusd.256"},
    {"avx512vnni", Elements::MixedBytes, 4, 128, "llvm.x86.avx512.vpdpbusd.128"},
    // LLVM takes the encoding that the processor has.
    {"avxvnni", Elements::MixedBytes, 4, 256, "llvm.x86.avx512.vpdpbusd.256"},
    {"avxvnni", Elements::MixedBytes, 4, 128, "llvm.x86.avx512.vpdpbusd.128"},
    {"dotprod", Elements::SignedBytes, 4, 128, "llvm.aarch64.neon.sdot"},
    {"dotprod", Elements::UnsignedBytes, 4, 128, "llvm.aarch64.neon.udot"},
    {"i8mm", Elements::MixedBytes, 4, 128, "llvm.aarch64.neon.usdot"},
    {"avx512bw", Elements::Halfwords, 2, 512, "llvm.x86.avx512.pmaddw.d.512", false},
    {"avx2", Elements::Halfwords, 2, 256, "llvm.x86.avx2.pmadd.wd", false},
    {"sse2", Elements::Halfwords, 2, 128, "llvm.x86.sse2.pmadd.wd", false},
};

llvm::ArrayRef<DotForm> mlir::torsh::cpu::getDotForms() { return kForms; }

llvm::SmallVector<std::string>
mlir::torsh::cpu::getDotFeatures(llvm::function_ref<bool(llvm::StringRef)> has) {
  llvm::SmallVector<std::string> features;
  for (const DotForm &form : kForms)
    if (has(form.feature) && !llvm::is_contained(features, form.feature))
      features.push_back(form.feature.str());
  return features;
}

static Elements bytes(bool rowsAreUnsigned, bool columnsAreUnsigned) {
  if (rowsAreUnsigned != columnsAreUnsigned)
    return Elements::MixedBytes;
  return rowsAreUnsigned ? Elements::UnsignedBytes : Elements::SignedBytes;
}

std::optional<DepthGrouping> mlir::torsh::cpu::groupForDots(const ProductElements &elements,
                                                            llvm::ArrayRef<std::string> features) {
  if (elements.rows != elements.columns)
    return std::nullopt;
  auto has = [&](Elements wanted) {
    return llvm::any_of(kForms, [&](const DotForm &form) {
      return form.elements == wanted && llvm::is_contained(features, form.feature);
    });
  };
  if (elements.rows.isBF16() && elements.sum.isF32() && has(Elements::BF16))
    return DepthGrouping{2};
  if (!elements.sum.isInteger(32))
    return std::nullopt;
  if (elements.rows.isInteger(8))
    for (bool flips : {false, true})
      if (has(bytes(elements.rowsAreUnsigned != flips, elements.columnsAreUnsigned)))
        return DepthGrouping{4, flips};
  bool fitsHalfwords =
      elements.rows.isInteger(8) ||
      (elements.rows.isInteger(16) && !elements.rowsAreUnsigned && !elements.columnsAreUnsigned);
  if (fitsHalfwords && has(Elements::Halfwords))
    return DepthGrouping{2};
  return std::nullopt;
}
