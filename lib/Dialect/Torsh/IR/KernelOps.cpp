// SPDX-License-Identifier: Apache-2.0
// Kernels and their launches.

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "torshjit/Dialect/Torsh/IR/TorshDialect.h"

using namespace mlir;
using namespace mlir::torsh;

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name, FunctionType type) {
  state.addAttribute(SymbolTable::getSymbolAttrName(), builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name), TypeAttr::get(type));
  state.addRegion();
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> inputs, ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag,
                      std::string &) { return builder.getFunctionType(inputs, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false,
                                           getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

LogicalResult ReturnOp::verify() {
  auto kernel = cast<KernelOp>((*this)->getParentOp());
  if (TypeRange(kernel.getResultTypes()) != TypeRange(getOperandTypes()))
    return emitOpError("operand types do not match the results of kernel @") << kernel.getSymName();
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // Past the kernels phase the callee is a function on memrefs, whose own
  // signature no longer has the launch's types.
  Operation *callee = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (!callee)
    return emitOpError("launches @") << getKernel() << ", which does not exist";
  if (auto kernel = dyn_cast<KernelOp>(callee))
    if (TypeRange(kernel.getArgumentTypes()) != TypeRange(getInputs().getTypes()) ||
        TypeRange(kernel.getResultTypes()) != TypeRange(getResultTypes()))
      return emitOpError("types do not match kernel @") << getKernel();
  int64_t dynamic = 0;
  for (Type type : getResultTypes())
    dynamic += cast<RankedTensorType>(type).getNumDynamicDims();
  if (dynamic != static_cast<int64_t>(getSizes().size()))
    return emitOpError("needs one size per '?' of its results: ")
           << dynamic << ", got " << getSizes().size();
  return success();
}

LogicalResult LaunchOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  size_t next = 0;
  for (Type type : getResultTypes()) {
    SmallVector<OpFoldResult> extents;
    for (int64_t extent : cast<RankedTensorType>(type).getShape()) {
      if (ShapedType::isDynamic(extent))
        extents.push_back(getSizes()[next++]);
      else
        extents.push_back(builder.getIndexAttr(extent));
    }
    shapes.push_back(std::move(extents));
  }
  return success();
}
