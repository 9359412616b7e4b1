// SPDX-License-Identifier: Apache-2.0
// Packs weights that are the same at every call by kernels of their own.

#include "ContractionSchedule.h"
#include "ConvolutionSchedule.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "torshjit/Buffer/DepthGroups.h"
#include "torshjit/Buffer/PackedProducts.h"
#include "torshjit/Dialect/Torsh/IR/FixedValues.h"
#include "torshjit/Dialect/Torsh/IR/TorshPanels.h"
#include "torshjit/Target/CPU/Transforms/Passes.h"
#include "torshjit/Tensor/Passes.h"
#include "torshjit/Tensor/SkinnyShape.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_PACKFIXEDOPERANDSPASS
#include "torshjit/Target/CPU/Transforms/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;

/// Elements of a weight from which on packing it takes longer than one more launch.
static constexpr int64_t kSmallestWeight = 1 << 10;
/// Products of more rows, by matrices of more bytes or columns, are about as fast with weights that
/// lie along the depth: they take as long as the reading, or threads share them.
static constexpr int64_t kMostTurnedRows = 12, kMostTurnedBytes = 1 << 16, kMostTurnedColumns = 128;

namespace {

/// An argument of a kernel that a contraction reads, and how it is packed for it.
struct FixedOperand {
  BlockArgument argument;
  PanelLayout layout;
  Type element; // of the panels
  /// Whether the one panel is a matrix of rows of columns, and read as such.
  bool isTurned = false;
};

class PackFixedOperandsPass : public torsh::impl::PackFixedOperandsPassBase<PackFixedOperandsPass> {
public:
  using PackFixedOperandsPassBase::PackFixedOperandsPassBase;

private:
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (isKernel(function))
        kernels.push_back(function);
    for (func::FuncOp kernel : kernels)
      if (std::optional<FixedOperand> operand = findOperand(kernel))
        split(kernel, *operand);
    packed.clear();
    packings.clear();
  }

  //===--------------------------------------------------------------------===//
  // What is packed, and how
  //===--------------------------------------------------------------------===//

  std::optional<FixedOperand> findOperand(func::FuncOp kernel) {
    linalg::GenericOp contraction;
    WalkResult walk = kernel.walk([&](linalg::GenericOp op) {
      if (!isContraction(op))
        return WalkResult::advance();
      bool isFirst = !contraction;
      contraction = op;
      return isFirst ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (!contraction || walk.wasInterrupted())
      return std::nullopt;
    // Weights are right operands, but for programs that write them on the left.
    for (unsigned input : {1, 0}) {
      BlockArgument argument = argumentOf(contraction.getInputs()[input]);
      if (!argument || !isFixedInEveryLaunch(kernel, argument.getArgNumber()))
        continue;
      // A product of weights is executed once itself.
      if (BlockArgument other = argumentOf(contraction.getInputs()[1 - input]);
          other && isFixedInEveryLaunch(kernel, other.getArgNumber()))
        return std::nullopt;
      std::optional<FixedOperand> operand = isPointOfMatrix(contraction, input)
                                                ? planPanels(kernel, contraction, input, argument)
                                                : std::nullopt;
      if (operand)
        return operand;
    }
    return std::nullopt;
  }

  /// The argument that an operand is, if nothing else reads it.
  static BlockArgument argumentOf(Value tensor) {
    auto read = tensor.getDefiningOp<bufferization::ToTensorOp>();
    auto argument = read ? dyn_cast<BlockArgument>(read.getBuffer()) : nullptr;
    if (!argument || !argument.hasOneUse() || !tensor.hasOneUse())
      return {};
    auto type = cast<MemRefType>(argument.getType());
    return type.hasStaticShape() && type.getLayout().isIdentity() &&
                   type.getNumElements() >= kSmallestWeight
               ? argument
               : BlockArgument();
  }

  /// Whether an operand has one loop that it does not share with the other operand, and for the
  /// rest loops of the depth.
  static bool isPointOfMatrix(linalg::GenericOp op, unsigned input) {
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    if (!maps[input].isProjectedPermutation() || !maps[2].isProjectedPermutation())
      return false;
    unsigned own = 0;
    for (AffineExpr index : maps[input].getResults()) {
      unsigned loop = cast<AffineDimExpr>(index).getPosition();
      if (!maps[2].isFunctionOfDim(loop))
        continue;
      if (maps[1 - input].isFunctionOfDim(loop))
        return false; // Another matrix for each of a batch.
      ++own;
    }
    return own == 1 && maps[input].getNumResults() > 1;
  }

  std::optional<FixedOperand> planPanels(func::FuncOp kernel, linalg::GenericOp op, unsigned input,
                                         BlockArgument argument) {
    if (!isPackedProduct(op))
      return std::nullopt;
    AffineMap map = op.getIndexingMapsArray()[input];
    AffineMap result = op.getIndexingMapsArray()[2];
    ArrayRef<int64_t> shape = cast<MemRefType>(argument.getType()).getShape();
    SmallVector<int64_t> rows, depth;
    int64_t depthCount = 1;
    // In the order of the loops, as the lowering takes them.
    for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
      std::optional<unsigned> axis = map.getResultPosition(getAffineDimExpr(loop, &getContext()));
      if (!axis)
        continue;
      (result.isFunctionOfDim(loop) ? rows : depth).push_back(*axis);
      if (!result.isFunctionOfDim(loop))
        depthCount *= shape[*axis];
    }
    auto elementOf = [&](unsigned number) {
      return getElementTypeOrSelf(op.getInputs()[number].getType());
    };
    Type sum = getElementTypeOrSelf(op.getDpsInits()[0].getType());
    auto own = kernel->getAttrOfType<ScheduleAttr>("torsh.schedule");
    cpu::Machine machine{threads, vectorBits, level1, level2, dotFeatures};
    cpu::ContractionSchedule product = cpu::scheduleContraction(op, machine, input);
    if (std::optional<cpu::ConvolutionSchedule> convolution =
            cpu::scheduleConvolution(op, machine, product)) {
      // Filters are packed along the outputs, all of the depth at once.
      if (input != 1 || !convolution->isAlongOutputs || !isa<FloatType>(sum))
        return std::nullopt;
      ArrayRef<int64_t> tile = own ? own.getRegisterTile() : convolution->registerTile;
      if (tile.size() < 2 || tile[1] < 1)
        return std::nullopt;
      if (findPairedLoop(op, tile)) {
        // Pairs of channels, for each place of the window.
        std::rotate(depth.begin(),
                    llvm::find_if(depth, [&](int64_t axis) { return shape[axis] != 1; }) + 1,
                    depth.end());
        return FixedOperand{argument,
                            {rows, depth, /*width=*/tile[1], /*block=*/depthCount, /*step=*/2},
                            elementOf(input)};
      }
      return FixedOperand{argument, {rows, depth, /*width=*/tile[1], /*block=*/depthCount}, sum};
    }
    if (std::optional<SkinnyShape> skinny = matchSkinny(op))
      return isBetterTurned(op, *skinny, input) && !own
                 ? std::optional(FixedOperand{argument,
                                              {rows, depth, shape[0], depthCount},
                                              sum,
                                              /*isTurned=*/true})
                 : std::nullopt; // Read as it lies.
    if (!op.getIndexingMapsArray()[1 - input].isProjectedPermutation() && !product.groupsIntegers)
      return std::nullopt;
    ArrayRef<int64_t> registerTile = own ? own.getRegisterTile() : product.registerTile;
    ArrayRef<int64_t> block = own ? own.getBlock() : product.block;
    unsigned rowsInput = cpu::getRowsInput(op);
    bool isRows = input == rowsInput;
    if (registerTile.size() < 2 || block.size() != 5 ||
        block[isRows ? 3 : 4] != cpu::kGivenPanels || registerTile[isRows ? 0 : 1] < 1 ||
        block[2] < 1)
      return std::nullopt; // A schedule that says otherwise.
    ProductElements elements{elementOf(rowsInput), elementOf(1 - rowsInput), sum,
                             isZeroExtended(op, rowsInput), isZeroExtended(op, 1 - rowsInput)};
    DepthGrouping grouping = DepthGrouping::read(registerTile);
    std::optional<DepthGroups> groups = groupDepth(elements, grouping, registerTile[1]);
    bool flips = groups && groups->flipsRows && isRows;
    int64_t step = groups ? grouping.step : 1;
    int64_t depthBlock = llvm::alignTo(std::min(block[2], depthCount), step);
    return FixedOperand{argument,
                        {rows, depth, registerTile[isRows ? 0 : 1], depthBlock, step, flips,
                         groups && !isRows ? groups->sumsOfColumns : 0,
                         isZeroExtended(op, input) != flips},
                        groups ? groups->element : sum};
  }

  /// Whether a weight that lies along the depth is better transposed: a small one, where summing
  /// across vectors is a good part of the work of a product of few rows.
  bool isBetterTurned(linalg::GenericOp op, const SkinnyShape &skinny, unsigned input) const {
    auto type = cast<ShapedType>(op.getInputs()[input].getType());
    Type sum = getElementTypeOrSelf(op.getDpsInits()[0].getType());
    return skinny.wide == input && !skinny.columnsLast && skinny.batch.empty() &&
           !ShapedType::isDynamic(skinny.rowCount) && skinny.rowCount > 1 &&
           skinny.rowCount <= kMostTurnedRows && type.getRank() == 2 &&
           type.getDimSize(0) <= kMostTurnedColumns &&
           type.getDimSize(0) % (vectorBits / sum.getIntOrFloatBitWidth()) == 0 &&
           type.getElementType() == sum && (sum.isF32() || sum.isF64()) &&
           type.getNumElements() * sum.getIntOrFloatBitWidth() / 8 <= kMostTurnedBytes;
  }

  /// Whether torsh-lower-contractions packs a product at all.
  static bool isPackedProduct(linalg::GenericOp op) {
    int64_t work = 1;
    for (int64_t extent : op.getStaticLoopRanges()) {
      if (extent == 0)
        return false;
      work = ShapedType::isDynamic(extent) || work > kMostPlainMultiplications
                 ? kMostPlainMultiplications + 1
                 : work * extent;
    }
    return work > kMostPlainMultiplications;
  }

  //===--------------------------------------------------------------------===//
  // Kernels and launches
  //===--------------------------------------------------------------------===//

  void split(func::FuncOp kernel, const FixedOperand &operand) {
    BlockArgument argument = operand.argument;
    unsigned number = argument.getArgNumber();
    auto source = cast<MemRefType>(argument.getType());
    auto panels =
        MemRefType::get({operand.layout.countElements(source.getShape())}, operand.element);
    for (LaunchOp launch : getLaunches(kernel)) {
      OpOperand &use = launch->getOpOperand(number);
      Value packed = getPacked(use.get(), source, panels, operand.layout, launch);
      if (operand.isTurned) {
        OpBuilder before(launch);
        auto turned =
            RankedTensorType::get({source.getDimSize(1), source.getDimSize(0)}, operand.element);
        packed = ReshapeOp::create(before, launch.getLoc(), turned, packed, ValueRange{});
      }
      use.set(packed);
    }
    func::FuncOp packing = getPacking(source, panels, operand.layout, kernel.getLoc());
    kernel->setAttr("torsh.packed_by", packing.getSymNameAttr());
    if (operand.isTurned)
      return readTurned(kernel, argument);
    OpBuilder builder = OpBuilder::atBlockBegin(argument.getOwner());
    argument.setType(panels);
    const PanelLayout &layout = operand.layout;
    auto view = PanelsViewOp::create(builder, kernel.getLoc(), source, argument, layout.rows,
                                     layout.depth, layout.width, layout.block, layout.step,
                                     layout.flips, layout.sums, layout.withoutSign);
    argument.replaceAllUsesExcept(view, view);
    kernel.setType(builder.getFunctionType(argument.getOwner()->getArgumentTypes(), {}));
  }

  /// Makes of a kernel that reads a matrix one that reads its transpose.
  static void readTurned(func::FuncOp kernel, BlockArgument argument) {
    auto source = cast<MemRefType>(argument.getType());
    SmallVector<int64_t> shape{source.getDimSize(1), source.getDimSize(0)};
    auto read = cast<bufferization::ToTensorOp>(*argument.user_begin());
    auto op = cast<linalg::GenericOp>(*read->user_begin());
    argument.setType(MemRefType::get(shape, source.getElementType()));
    read->getResult(0).setType(RankedTensorType::get(shape, source.getElementType()));
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    for (OpOperand &use : read->getUses()) {
      AffineMap &map = maps[use.getOperandNumber()];
      map = AffineMap::get(map.getNumDims(), 0, {map.getResult(1), map.getResult(0)},
                           map.getContext());
    }
    op.setIndexingMapsAttr(Builder(op).getAffineMapArrayAttr(maps));
    kernel.setType(
        FunctionType::get(kernel.getContext(), argument.getOwner()->getArgumentTypes(), {}));
  }

  /// The panels of a weight: one launch for all that read it.
  Value getPacked(Value weight, MemRefType source, MemRefType panels, const PanelLayout &layout,
                  LaunchOp reader) {
    func::FuncOp packing = getPacking(source, panels, layout, reader.getLoc());
    Value &result = packed[{weight, packing.getOperation()}];
    if (result && result.getDefiningOp()->getBlock() == reader->getBlock() &&
        result.getDefiningOp()->isBeforeInBlock(reader))
      return result;
    OpBuilder builder(reader);
    auto type = RankedTensorType::get(panels.getShape(), panels.getElementType());
    auto launch = LaunchOp::create(builder, reader.getLoc(), TypeRange{type}, packing.getSymName(),
                                   ValueRange{weight}, ValueRange());
    return result = launch.getResult(0);
  }

  /// The kernel that packs such weights in such a way.
  func::FuncOp getPacking(MemRefType source, MemRefType panels, const PanelLayout &layout,
                          Location loc) {
    for (PackPanelsOp known : packings)
      if (known.getSource().getType() == source && known.getPanels().getType() == panels &&
          known.getLayout() == layout)
        return known->getParentOfType<func::FuncOp>();
    std::string name;
    llvm::raw_string_ostream stream(name);
    stream << "pack_";
    llvm::interleave(source.getShape(), stream, "x");
    SymbolTable symbols(getOperation());
    OpBuilder builder(&getContext());
    auto function =
        func::FuncOp::create(builder, loc, name, builder.getFunctionType({source, panels}, {}));
    function->setAttr("torsh.kernel", builder.getUnitAttr());
    function->setAttr("torsh.num_inputs", builder.getI64IntegerAttr(1));
    function->setAttr("torsh.kind", KernelKindAttr::get(&getContext(), KernelKind::movement));
    Block *entry = function.addEntryBlock();
    builder.setInsertionPointToStart(entry);
    packings.push_back(PackPanelsOp::create(
        builder, loc, entry->getArgument(0), entry->getArgument(1), layout.rows, layout.depth,
        layout.width, layout.block, layout.step, layout.flips, layout.sums, layout.withoutSign));
    func::ReturnOp::create(builder, loc);
    symbols.insert(function); // Makes the name one that no other has.
    return function;
  }

  DenseMap<std::pair<Value, Operation *>, Value> packed;
  SmallVector<PackPanelsOp> packings;
};

} // namespace
