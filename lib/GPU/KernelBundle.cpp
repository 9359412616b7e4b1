// SPDX-License-Identifier: Apache-2.0
// Reads how kernels are launched off their functions.

#include "torshjit/GPU/KernelBundle.h"

using namespace mlir;

namespace json = llvm::json;

static json::Array toJSON(ArrayRef<int64_t> values) {
  json::Array array;
  for (int64_t value : values)
    array.push_back(value);
  return array;
}

int64_t mlir::torsh::gpu::getWorkgroupBytes(::mlir::gpu::GPUFuncOp function) {
  int64_t bytes = 0;
  for (BlockArgument memory : function.getWorkgroupAttributions()) {
    auto type = cast<MemRefType>(memory.getType());
    bytes += type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  }
  return bytes;
}

static json::Object describeVariant(gpu::GPUFuncOp function, int64_t module) {
  json::Object variant{{"entry", function.getName()}, {"module", module}};
  if (std::optional<ArrayRef<int32_t>> block = function.getKnownBlockSize())
    variant["threads"] = static_cast<int64_t>((*block)[0]);
  variant["shared_bytes"] = torsh::gpu::getWorkgroupBytes(function);
  json::Array grid;
  for (Attribute factor : function->getAttrOfType<ArrayAttr>("torsh.grid"))
    grid.push_back(toJSON(cast<DenseI64ArrayAttr>(factor).asArrayRef()));
  variant["grid"] = std::move(grid);
  if (auto spaces = function->getAttrOfType<ArrayAttr>("torsh.counts")) {
    json::Array counts;
    for (Attribute space : spaces)
      counts.push_back(toJSON(cast<DenseI64ArrayAttr>(space).asArrayRef()));
    variant["counts"] = std::move(counts);
  }
  if (auto alignment = function->getAttrOfType<IntegerAttr>("torsh.alignment"))
    variant["alignment"] = alignment.getInt();
  if (auto divisible = function->getAttrOfType<DenseI64ArrayAttr>("torsh.divisible")) {
    json::Array pairs;
    for (size_t i = 0; i + 1 < static_cast<size_t>(divisible.size()); i += 2)
      pairs.push_back(toJSON(divisible.asArrayRef().slice(i, 2)));
    variant["divisible"] = std::move(pairs);
  }
  return variant;
}

json::Object mlir::torsh::gpu::describeKernels(ModuleOp module) {
  json::Object kernels;
  int64_t number = 0;
  for (auto device : module.getOps<::mlir::gpu::GPUModuleOp>()) {
    for (auto function : device.getOps<::mlir::gpu::GPUFuncOp>()) {
      StringRef name = function->getAttrOfType<StringAttr>("torsh.kernel").getValue();
      json::Object *kernel = kernels.getObject(name);
      if (!kernel) {
        int64_t inputs = function->getAttrOfType<IntegerAttr>("torsh.num_inputs").getInt();
        json::Array operands;
        for (Attribute dtype : function->getAttrOfType<ArrayAttr>("torsh.dtypes"))
          operands.push_back(json::Object{
              {"dtype", cast<StringAttr>(dtype).getValue()},
              {"access", static_cast<int64_t>(operands.size()) < inputs ? "read" : "write"}});
        int64_t sizes = function.getNumArguments() - static_cast<int64_t>(operands.size());
        kernels[name] = json::Object{
            {"operands", std::move(operands)}, {"sizes", sizes}, {"variants", json::Array()}};
        kernel = kernels.getObject(name);
      }
      kernel->getArray("variants")->push_back(describeVariant(function, number));
    }
    ++number;
  }
  return json::Object{{"version", 1}, {"kernels", std::move(kernels)}};
}
