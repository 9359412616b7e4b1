// SPDX-License-Identifier: Apache-2.0
// Chooses the numbers by which kernels are spread over blocks of threads.

#include "KernelEmitter.h"
#include "torshjit/GPU/ContractionAtom.h"
#include "torshjit/GPU/Passes.h"
#include "torshjit/Tensor/Passes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_SELECTGPUSCHEDULESPASS
#include "torshjit/GPU/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

/// What a '?' extent is taken to be.
static constexpr int64_t kAssumedExtent = 1024;
/// A subgroup of every device there is, or a multiple of one; a block by default.
static constexpr int64_t kFewestThreads = 32, kBlock = 256;
/// Rows up to which one thread, one subgroup, a block by default are enough: a thread
/// then has at most 32 elements, which can stay in registers.
static constexpr int64_t kThreadRow = 8, kSubgroupRow = 1024, kBlockRow = 8192;
/// Tiles of the result from which large ones leave enough of them for a device.
static constexpr int64_t kManyTiles = 64;
/// Columns from which several threads share one.
static constexpr int64_t kLongColumn = 64, kColumnLanes = 8;

static int64_t volumeOf(ArrayRef<int64_t> shape) {
  int64_t volume = 1;
  for (int64_t extent : shape)
    volume *= ShapedType::isDynamic(extent) ? kAssumedExtent : extent;
  return volume;
}

static int64_t volumeOf(linalg::LinalgOp op, ArrayRef<unsigned> loops) {
  SmallVector<int64_t> ranges = op.getStaticLoopRanges(), picked;
  for (unsigned loop : loops)
    picked.push_back(ranges[loop]);
  return volumeOf(picked);
}

namespace {

class SelectGPUSchedulesPass
    : public torsh::impl::SelectGPUSchedulesPassBase<SelectGPUSchedulesPass> {
public:
  using SelectGPUSchedulesPassBase::SelectGPUSchedulesPassBase;
  explicit SelectGPUSchedulesPass(const DeviceTraits &traits) {
    maxThreads = traits.maxThreads;
    workgroupBytes = traits.workgroupBytes;
    subgroupSize = traits.subgroupSize;
    vectorBytes = traits.vectorBytes;
    unroll = traits.unroll;
    atoms = traits.atoms;
  }

private:
  struct Numbers {
    int64_t threads = 0, lanes = 1, vector = 1;
    SmallVector<int64_t> registerTile, block;
  };

  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (!isKernel(kernel))
      return;
    auto given = kernel->getAttrOfType<ScheduleAttr>("torsh.schedule");
    if (given && given.getThreads() > 0)
      return;
    KernelStructure structure = analyzeKernel(kernel);
    Numbers numbers;
    if (structure.contraction)
      chooseContraction(structure.contraction, numbers);
    else if (!structure.reductions.empty())
      chooseReduction(structure, numbers);
    else
      chooseElementwise(kernel, structure, numbers);
    auto schedule =
        ScheduleAttr::get(&getContext(), /*tile=*/{}, /*grain=*/1, numbers.registerTile,
                          numbers.block, numbers.threads, numbers.lanes, numbers.vector);
    kernel->setAttr("torsh.schedule", schedule);
  }

  /// As many threads as there is work for, at most a full block.
  int64_t threadsFor(int64_t work) {
    int64_t wanted = llvm::PowerOf2Ceil(std::max<int64_t>(work, 1));
    return std::max(kFewestThreads, std::min({wanted, kBlock, maxThreads.getValue()}));
  }

  /// Elements that one access moves, of the kernel's largest type.
  int64_t elementsOfAccess(func::FuncOp kernel) {
    int64_t largest = 8;
    for (Type type : kernel.getArgumentTypes())
      largest = std::max<int64_t>(largest,
                                  cast<MemRefType>(type).getElementType().getIntOrFloatBitWidth());
    return std::max<int64_t>(1, vectorBytes * 8 / largest);
  }

  void chooseElementwise(func::FuncOp kernel, const KernelStructure &structure, Numbers &numbers) {
    int64_t work = 1, vector = elementsOfAccess(kernel);
    for (const Output &output : structure.separate) {
      ArrayRef<int64_t> shape = cast<ShapedType>(output.tensor.getType()).getShape();
      work = std::max(work, volumeOf(shape));
      // Rows must be whole vectors, for a '?' extent when the kernel is called.
      while (shape.empty() ? vector > 1
                           : !ShapedType::isDynamic(shape.back()) && shape.back() % vector != 0)
        vector /= 2;
    }
    numbers.vector = vector;
    numbers.threads = threadsFor(llvm::divideCeil(work, vector));
  }

  void chooseReduction(const KernelStructure &structure, Numbers &numbers) {
    linalg::GenericOp op = structure.reductions.front();
    SmallVector<unsigned> reductions;
    for (auto [loop, iterator] : llvm::enumerate(op.getIteratorTypesArray()))
      if (iterator == utils::IteratorType::reduction)
        reductions.push_back(loop);
    int64_t length = volumeOf(op, reductions);
    int64_t groups = volumeOf(cast<ShapedType>(op.getResult(0).getType()).getShape());
    if (structure.kernelClass == KernelClass::ColumnReduction) {
      numbers.lanes = length >= kLongColumn ? kColumnLanes : 1;
    } else {
      numbers.lanes = length <= kThreadRow     ? 1
                      : length <= kSubgroupRow ? kFewestThreads
                      : length <= kBlockRow    ? std::min(kBlock, maxThreads.getValue())
                                               : maxThreads.getValue();
      // Where rows are whole vectors, which only static extents tell.
      int64_t vector = elementsOfAccess(getOperation());
      bool isStatic = llvm::none_of(op.getStaticLoopRanges(), ShapedType::isDynamic);
      while (!isStatic ? vector > 1 : length % vector != 0)
        vector /= 2;
      numbers.vector = vector;
    }
    // A reduction whose partial results cannot be merged is one thread's.
    if (llvm::any_of(structure.reductions,
                     [](linalg::GenericOp each) { return !canShareLanes(each); }))
      numbers.lanes = numbers.vector = 1;
    numbers.threads = std::max(numbers.lanes, threadsFor(groups * numbers.lanes));
  }

  static int64_t elementBytes(OpOperand *operand) {
    return llvm::divideCeil(getElementTypeOrSelf(operand->get()).getIntOrFloatBitWidth(), 8);
  }

  void chooseContraction(linalg::GenericOp op, Numbers &numbers) {
    FailureOr<ContractionLoops> loops = classifyLoops(op);
    int64_t rows = volumeOf(op, loops->rows), columns = volumeOf(op, loops->columns);
    int64_t batch = volumeOf(op, loops->batch);
    int64_t perThread = batch * (rows / 128) * (columns / 128) >= kManyTiles ? 8
                        : rows >= 64 && columns >= 64                        ? 4
                        : rows >= 32 && columns >= 32                        ? 2
                                                                             : 1;
    int64_t bytes = elementBytes(op.getDpsInputOperand(0)) + elementBytes(op.getDpsInputOperand(1));
    while (perThread > 1 && 16 * perThread * 17 * bytes > workgroupBytes)
      perThread /= 2;
    numbers.registerTile = {perThread, perThread};
    numbers.block = {16 * perThread, 16 * perThread, 16};
    numbers.threads = kBlock;
    ContractionTile tile{};
    for (auto *const *atom = atoms; atom && *atom; ++atom)
      if ((*atom)->chooseTile(op, rows, columns, tile)) {
        numbers.block = {tile.rows, tile.columns, tile.depth};
        numbers.threads = tile.threads;
        break;
      }
    // Staged elements are read as vectors where rows of both operands are whole ones.
    numbers.vector = elementsOfAccess(getOperation());
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto type = cast<ShapedType>(operand->get().getType());
      while (type.getRank() == 0 || type.isDynamicDim(type.getRank() - 1)
                 ? numbers.vector > 1
                 : type.getShape().back() % numbers.vector != 0)
        numbers.vector /= 2;
    }
  }

  const ContractionAtom *const *atoms = nullptr;
};

} // namespace

std::unique_ptr<Pass> mlir::torsh::gpu::createSelectSchedules(const DeviceTraits &traits) {
  return std::make_unique<SelectGPUSchedulesPass>(traits);
}
