// SPDX-License-Identifier: Apache-2.0
// Makes gpu functions of kernels: signatures, variants, attributes.

#include "KernelEmitter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "torshjit/GPU/ContractionAtom.h"
#include "torshjit/GPU/Passes.h"
#include "torshjit/Runtime/KernelABI.h"
#include "torshjit/Tensor/Passes.h"

using namespace mlir;

namespace mlir::torsh {
#define GEN_PASS_DEF_LOWERKERNELSTOGPUPASS
#include "torshjit/GPU/Passes.h.inc"
} // namespace mlir::torsh

using namespace mlir::torsh;
using namespace mlir::torsh::gpu;

namespace {

/// The dynamic extents of a kernel's arguments in the program's order.
struct DynamicExtents {
  int64_t count = 0;
  /// The number of an argument's last extent, or -1 where that is static.
  SmallVector<int64_t> last;

  explicit DynamicExtents(func::FuncOp kernel) {
    for (Type type : kernel.getArgumentTypes()) {
      auto memory = cast<MemRefType>(type);
      for (int64_t extent : memory.getShape())
        count += ShapedType::isDynamic(extent);
      bool isOpen = memory.getRank() > 0 && memory.isDynamicDim(memory.getRank() - 1);
      last.push_back(isOpen ? count - 1 : -1);
    }
  }
};

class LowerKernelsToGPUPass : public torsh::impl::LowerKernelsToGPUPassBase<LowerKernelsToGPUPass> {
public:
  using LowerKernelsToGPUPassBase::LowerKernelsToGPUPassBase;
  explicit LowerKernelsToGPUPass(const DeviceTraits &traits) : atoms(traits.atoms) {
    maxThreads = traits.maxThreads;
    workgroupBytes = traits.workgroupBytes;
    subgroupSize = traits.subgroupSize;
    vectorBytes = traits.vectorBytes;
    unroll = traits.unroll;
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    LowerKernelsToGPUPassBase::getDependentDialects(registry);
    for (auto *const *atom = atoms; atom && *atom; ++atom)
      (*atom)->getDependentDialects(registry);
  }

private:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    module->setAttr(::mlir::gpu::GPUDialect::getContainerModuleAttrName(),
                    UnitAttr::get(&getContext()));
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      if (isKernel(function) && failed(lower(function)))
        return signalPassFailure();
      function.erase();
    }
  }

  DeviceTraits getTraits() const {
    return {maxThreads, workgroupBytes, subgroupSize, vectorBytes, unroll, atoms};
  }

  LogicalResult lower(func::FuncOp kernel) {
    auto schedule = kernel->getAttrOfType<ScheduleAttr>("torsh.schedule");
    if (!schedule || schedule.getThreads() < 1)
      return kernel.emitError("the kernel has no schedule for blocks of threads");
    KernelStructure structure = analyzeKernel(kernel);
    if (failed(verifySchedule(kernel, structure, schedule, getTraits())))
      return failure();
    OpBuilder b(kernel);
    auto device =
        ::mlir::gpu::GPUModuleOp::create(b, kernel.getLoc(), (kernel.getName() + "_kernel").str());
    int64_t vector = std::max<int64_t>(schedule.getVector(), 1);
    // The runtime takes the first variant whose demands hold.
    if (vector > 1 && failed(emitVariant(device, kernel, structure, schedule, vector)))
      return failure();
    return emitVariant(device, kernel, structure, schedule, 1);
  }

  LogicalResult emitVariant(::mlir::gpu::GPUModuleOp device, func::FuncOp kernel,
                            const KernelStructure &structure, ScheduleAttr schedule,
                            int64_t vector) {
    OpBuilder b(&getContext());
    b.setInsertionPointToEnd(device.getBody());
    DynamicExtents extents(kernel);
    SmallVector<Type> types;
    SmallVector<Attribute> dtypes;
    for (Type type : kernel.getArgumentTypes()) {
      Type element = cast<MemRefType>(type).getElementType();
      types.push_back(MemRefType::get({ShapedType::kDynamic}, getMemoryType(element)));
      std::string name;
      llvm::raw_string_ostream(name) << element;
      dtypes.push_back(b.getStringAttr(name));
    }
    types.append(extents.count, b.getIndexType());
    std::string name = (TORSH_KERNEL_PREFIX + kernel.getName()).str();
    if (vector > 1)
      name += "_vector" + std::to_string(vector);
    auto function =
        ::mlir::gpu::GPUFuncOp::create(b, kernel.getLoc(), name, b.getFunctionType(types, {}));
    function->setAttr(::mlir::gpu::GPUDialect::getKernelFuncAttrName(), b.getUnitAttr());
    function.setKnownBlockSizeAttr(
        b.getDenseI32ArrayAttr({static_cast<int32_t>(schedule.getThreads()), 1, 1}));
    function->setAttr("torsh.kernel", b.getStringAttr(kernel.getName()));
    function->setAttr("torsh.class", b.getStringAttr(stringify(structure.kernelClass)));
    function->setAttr("torsh.num_inputs", kernel->getAttr("torsh.num_inputs"));
    function->setAttr("torsh.dtypes", b.getArrayAttr(dtypes));
    function->setAttr("torsh.schedule", schedule);
    if (vector > 1)
      addDemands(function, kernel, structure, extents, vector);
    b.setInsertionPointToEnd(&function.getBody().front());
    ::mlir::gpu::ReturnOp::create(b, kernel.getLoc());
    DeviceTraits traits = getTraits();
    if (failed(KernelEmitter(kernel, function, structure, schedule, vector, traits, b).emit()))
      return failure();
    return verifyMemory(function, traits);
  }

  /// A vector of neighbours is one access where the memory is aligned to it and rows
  /// are whole vectors.
  static void addDemands(::mlir::gpu::GPUFuncOp function, func::FuncOp kernel,
                         const KernelStructure &structure, const DynamicExtents &extents,
                         int64_t vector) {
    OpBuilder b(function.getContext());
    int64_t largest = 1;
    for (Type type : kernel.getArgumentTypes())
      largest = std::max<int64_t>(
          largest,
          getMemoryType(cast<MemRefType>(type).getElementType()).getIntOrFloatBitWidth() / 8);
    function->setAttr("torsh.alignment", b.getI64IntegerAttr(vector * largest));
    SmallVector<int64_t> pairs;
    for (const Output &output : structure.separate)
      if (int64_t number = extents.last[output.destination.getArgNumber()]; number >= 0)
        pairs.append({number, vector});
    if (!pairs.empty())
      function->setAttr("torsh.divisible", b.getDenseI64ArrayAttr(pairs));
  }

  const ContractionAtom *const *atoms = nullptr;
};

} // namespace

std::unique_ptr<Pass> mlir::torsh::gpu::createLowerKernels(const DeviceTraits &traits) {
  return std::make_unique<LowerKernelsToGPUPass>(traits);
}
