// SPDX-License-Identifier: Apache-2.0
// Refuses schedules that no correct kernel can follow. They can come from a user.

#include "KernelEmitter.h"
#include "torshjit/GPU/ContractionAtom.h"
#include "torshjit/GPU/KernelBundle.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

/// Elements of the widest access of any device, of the smallest type.
static constexpr int64_t kLargestVector = 16;

LogicalResult mlir::torsh::gpu::verifySchedule(func::FuncOp kernel,
                                               const KernelStructure &structure,
                                               ScheduleAttr schedule, const DeviceTraits &traits) {
  auto refuse = [&](const Twine &reason) {
    return kernel.emitError("cannot follow ") << schedule << ": " << reason;
  };
  int64_t threads = schedule.getThreads();
  if (threads < 1 || threads > traits.maxThreads)
    return refuse("a block has 1 to " + Twine(traits.maxThreads) + " threads");
  if (schedule.getVector() < 0 ||
      (schedule.getVector() && !llvm::isPowerOf2_64(schedule.getVector())))
    return refuse("the vector is no power of two");
  if (schedule.getVector() > kLargestVector)
    return refuse("a vector has at most " + Twine(kLargestVector) + " elements");
  if (!structure.reductions.empty()) {
    int64_t lanes = std::max<int64_t>(schedule.getLanes(), 1);
    if (schedule.getLanes() < 0 || !llvm::isPowerOf2_64(lanes) || threads % lanes != 0)
      return refuse("the lanes are no power of two that divides the threads");
  }
  if (!structure.contraction)
    return success();
  if (schedule.getBlock().size() != 3 ||
      llvm::any_of(schedule.getBlock(), [](int64_t size) { return size < 1; }))
    return refuse("a product of matrices needs a block of (rows, columns, depth)");
  if (schedule.getRegisterTile().size() != 2 ||
      llvm::any_of(schedule.getRegisterTile(), [](int64_t size) { return size < 1; }))
    return refuse("a product of matrices needs a register tile of (rows, columns)");
  ContractionTile tile{schedule.getBlock()[0], schedule.getBlock()[1], schedule.getBlock()[2],
                       threads, Value()};
  SimtAtom simt(schedule.getRegisterTile()[0], schedule.getRegisterTile()[1]);
  bool isAccepted = simt.accepts(structure.contraction, tile);
  for (auto *const *atom = traits.atoms; atom && *atom; ++atom)
    isAccepted |= (*atom)->accepts(structure.contraction, tile);
  if (!isAccepted)
    return refuse("the register tiles of the threads do not make up the block");
  return success();
}

LogicalResult mlir::torsh::gpu::verifyMemory(::mlir::gpu::GPUFuncOp function,
                                             const DeviceTraits &traits) {
  int64_t bytes = getWorkgroupBytes(function);
  if (bytes > traits.workgroupBytes)
    return function.emitError("its schedule needs ")
           << bytes << " bytes of workgroup memory, the device has " << traits.workgroupBytes;
  return success();
}
