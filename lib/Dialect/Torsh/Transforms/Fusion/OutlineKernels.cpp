// SPDX-License-Identifier: Apache-2.0
// Moves each fusion group into a kernel and launches it.

#include "FusionGraph.h"
#include "HostExtents.h"
#include "KernelNames.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/FusionReport.h"
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include <queue>

namespace mlir::torsh {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "torshjit/Dialect/Torsh/Transforms/Fusion/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir;
using namespace mlir::torsh;

static constexpr llvm::StringLiteral kGroupAttribute = "torsh.group";

namespace {

/// A step of the host program: a group to launch, or one operation that stays.
struct Step {
  SmallVector<Operation *> ops;
  std::optional<int64_t> group;
  /// Whether it comes as late as it can: an assertion, which the device is waited for.
  bool isLate = false;
  SmallVector<unsigned> followers;
  unsigned numAwaited = 0;
};

/// Outlines the groups of one function.
class Outliner {
public:
  Outliner(func::FuncOp func, HostExtents &extents, SymbolTable &symbols, FusionReport &report)
      : func(func), block(func.getBody().front()), extents(extents), symbols(symbols),
        report(report) {}

  LogicalResult run() {
    if (failed(collectSteps()))
      return failure();
    FailureOr<SmallVector<unsigned>> order = sortSteps();
    if (failed(order))
      return failure();
    Operation *terminator = block.getTerminator();
    for (unsigned number : *order) {
      Step &step = steps[number];
      if (!step.group)
        step.ops.front()->moveBefore(terminator);
      else if (failed(outline(step)))
        return failure();
    }
    eraseUnusedConstants();
    return success();
  }

private:
  LogicalResult collectSteps();
  FailureOr<SmallVector<unsigned>> sortSteps();
  LogicalResult outline(Step &step);
  /// Builds in the kernel what `value`, an index of the host program, is;
  /// tensors that this needs become inputs of the kernel.
  FailureOr<Value> rebuildIndex(Value value, OpBuilder &builder, KernelOp kernel,
                                SmallVectorImpl<Value> &inputs, IRMapping &mapping);
  void eraseUnusedConstants();

  func::FuncOp func;
  Block &block;
  HostExtents &extents;
  SymbolTable &symbols;
  FusionReport &report;
  SmallVector<Step, 0> steps;
};

} // namespace

//===----------------------------------------------------------------------===//
// The order of the host program
//===----------------------------------------------------------------------===//

LogicalResult Outliner::collectSteps() {
  llvm::DenseMap<int64_t, unsigned> stepOfGroup;
  llvm::DenseMap<Operation *, unsigned> stepOf;
  for (Operation &op : block.without_terminator()) {
    if (isIndexComputation(&op) || isa<CheckOp>(op))
      continue;
    if (!isa_and_present<TorshDialect>(op.getDialect()))
      return op.emitOpError("is not supported in a program to be compiled: "
                            "it belongs to another dialect than torsh");
    auto group = op.getAttrOfType<IntegerAttr>(kGroupAttribute);
    unsigned number = steps.size();
    if (group) {
      number = stepOfGroup.try_emplace(group.getInt(), number).first->second;
    } else if (!isa<ConstantOp, ReshapeOp, LaunchOp>(op) && !isHostStep(&op)) {
      return op.emitOpError("has no fusion group; run torsh-form-groups first");
    }
    if (number == steps.size())
      steps.emplace_back();
    steps[number].ops.push_back(&op);
    if (group)
      steps[number].group = group.getInt();
    steps[number].isLate = isa<AssertOp>(op);
    stepOf[&op] = number;
  }
  std::optional<unsigned> lastHostStep;
  for (auto [number, step] : llvm::enumerate(steps)) {
    llvm::SmallSetVector<unsigned, 4> awaited;
    for (Operation *op : step.ops)
      for (Value operand : op->getOperands()) {
        auto known = stepOf.find(operand.getDefiningOp());
        if (known != stepOf.end() && known->second != number)
          awaited.insert(known->second);
      }
    if (isOrderedHostStep(step.ops.front())) {
      if (lastHostStep)
        awaited.insert(*lastHostStep);
      lastHostStep = number;
    }
    step.numAwaited = awaited.size();
    for (unsigned before : awaited)
      steps[before].followers.push_back(number);
  }
  return success();
}

FailureOr<SmallVector<unsigned>> Outliner::sortSteps() {
  // Of the steps that can run, the one that came first in the program, late ones last.
  using Rank = std::pair<bool, unsigned>;
  std::priority_queue<Rank, std::vector<Rank>, std::greater<>> ready;
  for (auto [number, step] : llvm::enumerate(steps))
    if (!step.numAwaited)
      ready.push({step.isLate, number});
  SmallVector<unsigned> order;
  while (!ready.empty()) {
    unsigned number = ready.top().second;
    ready.pop();
    order.push_back(number);
    for (unsigned follower : steps[number].followers)
      if (--steps[follower].numAwaited == 0)
        ready.push({steps[follower].isLate, follower});
  }
  if (order.size() == steps.size())
    return order;
  for (const Step &step : steps)
    if (step.numAwaited && step.group)
      return step.ops.front()->emitOpError("is in fusion group ")
             << *step.group << ", which is not convex: a value leaves it and comes back";
  return failure();
}

//===----------------------------------------------------------------------===//
// One kernel
//===----------------------------------------------------------------------===//

FailureOr<Value> Outliner::rebuildIndex(Value value, OpBuilder &builder, KernelOp kernel,
                                        SmallVectorImpl<Value> &inputs, IRMapping &mapping) {
  // Depth first without recursion: extents of deep networks are long
  // expressions.
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Value next = pending.back();
    if (mapping.contains(next)) {
      pending.pop_back();
      continue;
    }
    Operation *op = next.getDefiningOp();
    if (!op)
      return func.emitError("torsh-outline-kernels: an index argument of function @")
             << func.getSymName() << " cannot be the size of a tensor in a kernel";
    if (auto dim = dyn_cast<tensor::DimOp>(op); dim && !mapping.contains(dim.getSource())) {
      Value source = dim.getSource();
      inputs.push_back(source);
      mapping.map(source, kernel.getBody().front().addArgument(source.getType(), source.getLoc()));
    }
    size_t size = pending.size();
    for (Value operand : op->getOperands())
      if (!mapping.contains(operand))
        pending.push_back(operand);
    if (pending.size() != size)
      continue;
    builder.clone(*op, mapping);
    pending.pop_back();
  }
  return mapping.lookup(value);
}

LogicalResult Outliner::outline(Step &step) {
  llvm::SmallPtrSet<Operation *, 16> members(step.ops.begin(), step.ops.end());
  SmallVector<Value> outputs, inputs;
  SmallVector<Location> locations;
  SmallVector<Type> resultTypes;
  for (Operation *op : step.ops) {
    locations.push_back(op->getLoc());
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !members.contains(user); })) {
        outputs.push_back(result);
        resultTypes.push_back(result.getType());
      }
  }
  auto eraseOps = [&]() {
    for (Operation *op : llvm::reverse(step.ops))
      op->erase();
  };
  if (outputs.empty()) {
    eraseOps();
    return success();
  }

  MLIRContext *context = func.getContext();
  Location location = FusedLoc::get(context, locations);
  OpBuilder moduleBuilder(context);
  auto kernel = KernelOp::create(moduleBuilder, location, nameKernel(step.ops),
                                 FunctionType::get(context, {}, resultTypes));
  kernel.setKind(classifyKernel(step.ops));
  Block &body = kernel.getBody().emplaceBlock();
  OpBuilder builder = OpBuilder::atBlockBegin(&body);
  IRMapping mapping;
  for (Operation *op : step.ops) {
    for (Value operand : op->getOperands()) {
      if (mapping.contains(operand))
        continue;
      if (!isa<RankedTensorType>(operand.getType())) {
        if (failed(rebuildIndex(operand, builder, kernel, inputs, mapping))) {
          kernel.erase();
          return failure();
        }
      } else if (Operation *producer = operand.getDefiningOp(); isCopiedConstant(producer)) {
        builder.clone(*producer, mapping);
      } else {
        inputs.push_back(operand);
        mapping.map(operand, body.addArgument(operand.getType(), operand.getLoc()));
      }
    }
    builder.clone(*op, mapping)->removeDiscardableAttr(kGroupAttribute);
  }
  SmallVector<Value> returned;
  for (Value output : outputs)
    returned.push_back(mapping.lookup(output));
  ReturnOp::create(builder, location, returned);
  kernel.setFunctionType(FunctionType::get(context, body.getArgumentTypes(), resultTypes));
  StringAttr name = symbols.insert(kernel, Block::iterator(func));

  SmallVector<Value> sizes;
  for (Value output : outputs)
    for (auto [extent, known] :
         llvm::zip_equal(tensorTypeOf(output).getShape(), extents.getExtents(output)))
      if (ShapedType::isDynamic(extent))
        sizes.push_back(extents.materialize(known));
  OpBuilder hostBuilder(block.getTerminator());
  auto launch = LaunchOp::create(hostBuilder, location, resultTypes, FlatSymbolRefAttr::get(name),
                                 inputs, sizes);
  extents.replaceTensors(outputs, launch.getResults());
  for (auto [output, result] : llvm::zip_equal(outputs, launch.getResults()))
    output.replaceUsesWithIf(result,
                             [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  eraseOps();
  auto number = static_cast<size_t>(*step.group);
  if (number < report.groups.size()) {
    report.groups[number].kernel = name.str();
    report.groups[number].kind = stringifyKernelKind(*kernel.getKind()).str();
  }
  return success();
}

void Outliner::eraseUnusedConstants() {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (isa<ConstantOp>(op) && op.use_empty())
      op.erase();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
class OutlineKernelsPass : public torsh::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<FusionReport> report = FusionReport::load(module);
    if (failed(report))
      return signalPassFailure();
    SymbolTable symbols(module);
    for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (func.isDeclaration())
        continue;
      if (!func.getBody().hasOneBlock()) {
        func.emitError("torsh-outline-kernels: function @")
            << func.getSymName() << " has control flow between blocks, which kernels cannot have";
        return signalPassFailure();
      }
      FailureOr<HostExtents> extents = HostExtents::resolve(func);
      if (failed(extents) || failed(Outliner(func, *extents, symbols, *report).run()))
        return signalPassFailure();
      extents->eraseUnused();
    }
    if (!module->hasAttr(FusionReport::kAttributeName))
      return;
    // A group whose results nothing uses has become no kernel.
    llvm::erase_if(report->groups, [](const ReportedGroup &group) { return group.kernel.empty(); });
    report->store(module);
  }
};
} // namespace
