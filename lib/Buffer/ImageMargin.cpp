// SPDX-License-Identifier: Apache-2.0
// What of an image is a margin of zeros.

#include "ImageMargin.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::torsh;

static bool isZeroFill(Operation *op, Value memory) {
  auto fill = dyn_cast<linalg::FillOp>(op);
  return fill && fill.getOutputs()[0] == memory &&
         (matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) ||
          matchPattern(fill.getInputs()[0], m_Zero()));
}

/// Whether `memory` has nothing but zeros when `reader` reads it.
static bool isZeroSlab(Value memory, Operation *reader) {
  if (!memory.getDefiningOp<memref::AllocOp>())
    return false;
  bool isFilled = false;
  for (Operation *user : memory.getUsers()) {
    if (isZeroFill(user, memory)) {
      isFilled |= user->getBlock() == reader->getBlock() && user->isBeforeInBlock(reader);
      continue;
    }
    auto structured = dyn_cast<linalg::LinalgOp>(user);
    if (!structured || llvm::is_contained(structured.getDpsInits(), memory))
      return false;
  }
  return isFilled;
}

FailureOr<ImageMargin> mlir::torsh::findMargin(Value image) {
  if (!image.getDefiningOp<memref::AllocOp>())
    return failure();
  memref::SubViewOp inside;
  for (Operation *user : image.getUsers()) {
    if (isZeroFill(user, image) || isa<memref::ExtractStridedMetadataOp>(user))
      continue;
    auto piece = dyn_cast<memref::SubViewOp>(user);
    if (!piece) {
      auto reader = dyn_cast<linalg::LinalgOp>(user);
      if (!reader || llvm::is_contained(reader.getDpsInits(), image))
        return failure();
      continue;
    }
    if (!piece->hasOneUse() || !piece.hasUnitStride() || piece.getDroppedDims().any())
      return failure();
    Operation *writer = *piece->user_begin();
    if (isZeroFill(writer, piece))
      continue;
    auto copy = dyn_cast<linalg::GenericOp>(writer);
    if (!copy || copy.getOutputs().size() != 1 || copy.getOutputs()[0] != piece.getResult() ||
        copy->getBlock() != image.getDefiningOp()->getBlock())
      return failure();
    bool isSlab = copy.getInputs().size() == 1 && linalg::isaCopyOpInterface(copy) &&
                  isZeroSlab(copy.getInputs()[0], copy);
    if (isSlab)
      continue;
    if (inside)
      return failure();
    inside = piece;
  }
  if (!inside)
    return failure();
  return ImageMargin{inside.getMixedOffsets(), inside.getMixedSizes()};
}
