// SPDX-License-Identifier: Apache-2.0
// Shapes, memory and random elements of a kernel's operands.

#include "KernelOperands.h"
#include "mlir/IR/BuiltinTypes.h"
#include "torshjit/Runtime/CPU/AlignedMemory.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>
#include <limits>
#include <random>

using namespace mlir;
using namespace mlir::torsh;

FailureOr<OperandShapes> mlir::torsh::parseShapes(StringRef text) {
  OperandShapes shapes;
  if (text.empty())
    return shapes;
  for (StringRef entry : llvm::split(text, ',')) {
    std::vector<int64_t> &shape = shapes.emplace_back();
    if (entry.empty() || entry == "scalar")
      continue;
    for (StringRef number : llvm::split(entry, 'x'))
      if (number.getAsInteger(10, shape.emplace_back()) || shape.back() < 0)
        return failure();
  }
  return shapes;
}

void KernelOperands::Free::operator()(void *memory) const {
  ::torsh::runtime::freeAligned(memory, bytes);
}

static int64_t bytesOf(Type element) {
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

/// Floats are of [-1, 1). Integers are 0 or 1, so that those that are positions lie
/// inside of any axis worth measuring.
static void fill(char *memory, int64_t count, Type element, std::mt19937_64 &random) {
  int64_t bytes = bytesOf(element);
  if (auto type = dyn_cast<FloatType>(element)) {
    std::uniform_real_distribution<double> uniform(-1, 1);
    // Repeated: drawing and rounding every element of a large operand takes seconds.
    int64_t distinct = std::min<int64_t>(count, 4099);
    for (int64_t i = 0; i < distinct; ++i) {
      llvm::APFloat value(uniform(random));
      bool inexact;
      value.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &inexact);
      uint64_t bits = value.bitcastToAPInt().getZExtValue();
      std::memcpy(memory + i * bytes, &bits, bytes);
    }
    for (int64_t i = distinct; i < count; i += distinct)
      std::memcpy(memory + i * bytes, memory, std::min(distinct, count - i) * bytes);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = random() & 1;
    std::memcpy(memory + i * bytes, &bits, bytes);
  }
}

FailureOr<KernelOperands> KernelOperands::create(func::FuncOp kernel, const OperandShapes &shapes) {
  if (shapes.size() > kernel.getNumArguments())
    return kernel.emitError("--shapes has ")
               << shapes.size() << " entries, and kernel '" << kernel.getName() << "' has "
               << kernel.getNumArguments() << " operands",
           failure();
  KernelOperands operands;
  std::mt19937_64 random(0);
  for (auto [number, argument] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto type = dyn_cast<MemRefType>(argument);
    if (!type || !type.getElementType().isIntOrFloat())
      return kernel.emitError("operand #") << number << " of kernel '" << kernel.getName()
                                           << "' is " << argument << ", and no memory",
             failure();
    std::vector<int64_t> shape(type.getShape());
    if (number < shapes.size() && !shapes[number].empty()) {
      if (failed(verifyCompatibleShape(type.getShape(), shapes[number])))
        return kernel.emitError("the shape that --shapes gives operand #")
                   << number << " of kernel '" << kernel.getName() << "' is no " << type,
               failure();
      shape = shapes[number];
    }
    int64_t count = 1;
    for (auto [axis, extent] : llvm::enumerate(shape)) {
      if (ShapedType::isDynamic(extent))
        return kernel.emitError("operand #")
                   << number << " of kernel '" << kernel.getName() << "' is " << type
                   << ": say its extents with --shapes, one entry for each operand",
               failure();
      if (llvm::MulOverflow(count, extent, count) || count > (int64_t(1) << 36))
        return kernel.emitError("operand #") << number << " of kernel '" << kernel.getName()
                                             << "' has more than 2^36 elements",
               failure();
      if (type.isDynamicDim(axis))
        operands.extents.push_back(extent);
    }
    int64_t bytes = count * bytesOf(type.getElementType());
    void *memory = ::torsh::runtime::allocateAligned(bytes);
    operands.buffers.emplace_back(memory, Free{static_cast<size_t>(bytes)});
    operands.addresses.push_back(memory);
    operands.total += bytes;
    fill(static_cast<char *>(memory), count, type.getElementType(), random);
  }
  return operands;
}
