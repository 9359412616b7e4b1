// SPDX-License-Identifier: Apache-2.0
// Kernels and the host program that launches them.

#ifndef TORSH_KERNEL_OPS_TD
#define TORSH_KERNEL_OPS_TD

include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "torshjit/Dialect/Torsh/IR/TorshBase.td"
include "torshjit/Dialect/Torsh/IR/TorshAttrs.td"

def Torsh_KernelOp : Torsh_Op<"kernel",
    [FunctionOpInterface, IsolatedFromAbove, AffineScope, AutomaticAllocationScope]> {
  let summary = "one fusion group: the unit of code generation, caching and profiling";
  let description = [{
    The body holds operations on tensors and ends in `torsh.return`.
    ```mlir
    torsh.kernel @add_relu(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
      %0 = torsh.add %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
      %1 = torsh.relu %0 : (tensor<8xf32>) -> tensor<8xf32>
      torsh.return %1 : tensor<8xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                   OptionalAttr<StrAttr>:$sym_visibility,
                   OptionalAttr<Torsh_KernelKindAttr>:$kind,
                   OptionalAttr<Torsh_ScheduleAttr>:$schedule,
                   OptionalAttr<DictArrayAttr>:$arg_attrs,
                   OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::FunctionType":$type)>];
  let skipDefaultBuilders = 1;
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
  }];
}

def Torsh_ReturnOp : Torsh_Op<"return",
    [Pure, Terminator, HasParent<"KernelOp">, ReturnLike]> {
  let summary = "ends a kernel with its results";
  let arguments = (ins Variadic<Torsh_Tensor>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let hasVerifier = 1;
}

def Torsh_LaunchOp : Torsh_Op<"launch",
    [Pure, AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
     DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "runs a kernel";
  let description = [{
    `sizes` gives each `?` extent of the results, in order.
    ```mlir
    %1 = torsh.launch @add_relu(%x, %y) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Torsh_Tensor>:$inputs,
                   Variadic<Index>:$sizes);
  let results = (outs Variadic<Torsh_Tensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` (`sizes` `(` $sizes^ `)`)? attr-dict
    `:` functional-type($inputs, $results)
  }];
}

def Torsh_CheckOp : Torsh_Op<"check"> {
  let summary = "raises an error unless a relation between two sizes holds";
  let description = [{
    Belongs to the host program; runs before any kernel.
    ```mlir
    torsh.check eq, %d0, %d1, "torsh.add: extents differ along axis 0"
    ```
  }];
  let arguments = (ins Torsh_ComparePredicateAttr:$relation, Index:$lhs, Index:$rhs,
                   StrAttr:$message);
  let assemblyFormat = "$relation `,` $lhs `,` $rhs `,` $message attr-dict";
}

#endif // TORSH_KERNEL_OPS_TD
