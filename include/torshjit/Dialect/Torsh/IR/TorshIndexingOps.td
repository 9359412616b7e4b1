// SPDX-License-Identifier: Apache-2.0
// Operations that read or write elements at positions that are themselves data.

#ifndef TORSH_INDEXING_OPS_TD
#define TORSH_INDEXING_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"
include "torshjit/Dialect/Torsh/IR/TorshAttrs.td"

// A position below zero counts from the end, in all of these. What else is out of
// range never leaves the tensor: reads are clamped to the nearest element, writes
// left out. Where the program is to fail instead, `torsh.assert` says so. An axis without
// elements cannot be read at any position: where it is `?`, a running program checks it.

def Torsh_GatherOp : Torsh_InferredOp<"gather"> {
  let summary = "elements at given positions (NumPy's indexing with integer arrays)";
  let description = [{
    `indices` has a tensor of positions for each of `axes`, which are sorted; they
    broadcast together. The result has the axes of `data` without `axes`, and those
    of the positions where the first of `axes` was.
    ```mlir
    %2 = torsh.gather %table at (%ids) {axes = array<i64: 0>}
        : (tensor<50x8xf32>, tensor<2x3xi64>) -> tensor<2x3x8xf32>
    ```
  }];
  let arguments = (ins Torsh_Tensor:$data, Variadic<Torsh_IntTensor>:$indices,
                   DenseI64ArrayAttr:$axes);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat =
      "$data `at` `(` $indices `)` attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = "::llvm::SmallVector<int64_t> getIndexShape();";
}

def Torsh_TakeAlongAxisOp : Torsh_InferredOp<"take_along_axis",
    [DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "one element of a row for each position (`numpy.take_along_axis`)";
  let description = [{
    Both operands have one rank, and one extent along every axis but `axis`; the
    result has the shape of `indices`.
  }];
  let arguments = (ins Torsh_Tensor:$data, Torsh_IntTensor:$indices, I64Attr:$axis);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = "$data `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Torsh_ScatterOp : Torsh_InferredOp<"scatter",
    [DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "`data` with elements at given positions replaced or combined (`numpy.add.at`)";
  let description = [{
    `updates` has the shape that `torsh.gather` of the same positions gives. They
    are applied in row-major order of the positions: of several replacements of an
    element the last one stays. f16 and bf16 are combined in f32.
    ```mlir
    %3 = torsh.scatter %zeros, %grad at (%ids) {axes = array<i64: 0>, reduction = #torsh.scatter_reduction<add>}
        : (tensor<50x8xf32>, tensor<2x3x8xf32>, tensor<2x3xi64>) -> tensor<50x8xf32>
    ```
  }];
  let arguments = (ins Torsh_Tensor:$data, Torsh_Tensor:$updates,
                   Variadic<Torsh_IntTensor>:$indices, DenseI64ArrayAttr:$axes,
    DefaultValuedAttr<Torsh_ScatterReductionAttr,
                      "::mlir::torsh::ScatterReduction::none">:$reduction);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = [{
    $data `,` $updates `at` `(` $indices `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = "::llvm::SmallVector<int64_t> getIndexShape();";
}

def Torsh_PutAlongAxisOp : Torsh_InferredOp<"put_along_axis",
    [DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "rows with elements replaced or combined (`numpy.put_along_axis`)";
  let description = [{
    All operands have one rank and one extent along every axis but `axis`;
    `indices` and `updates` have one shape. Applied in order along `axis`: of
    several replacements of an element the last one stays. f16 and bf16 are
    combined in f32.
  }];
  let arguments = (ins Torsh_Tensor:$data, Torsh_IntTensor:$indices, Torsh_Tensor:$updates,
                   I64Attr:$axis,
    DefaultValuedAttr<Torsh_ScatterReductionAttr,
                      "::mlir::torsh::ScatterReduction::none">:$reduction);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat =
      "$data `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Order along an axis
//===----------------------------------------------------------------------===//

def Torsh_ScanOp : Torsh_InferredOp<"scan"> {
  let summary = "running sum, product, maximum or minimum (`numpy.cumsum` and its kin)";
  let description = [{
    Element i is the combination of the elements up to and including i, of those
    before it with `exclusive` (the first is then the neutral element), or of those
    from the end with `reverse`. f16 and bf16 are combined in f32, integers wrap
    around, a NaN stays in a maximum or minimum.
    ```mlir
    %1 = torsh.scan sum, %0 {axis = 1 : i64} : (tensor<8x4xf32>) -> tensor<8x4xf32>
    ```
  }];
  let arguments = (ins Torsh_ScanKindAttr:$kind, Torsh_NumericTensor:$input, I64Attr:$axis,
                   DefaultValuedAttr<BoolAttr, "false">:$reverse,
                   DefaultValuedAttr<BoolAttr, "false">:$exclusive);
  let results = (outs Torsh_NumericTensor:$result);
  let assemblyFormat = "$kind `,` $input attr-dict `:` functional-type(operands, results)";
}

class Torsh_OrderOp<string mnemonic, list<Trait> traits = []>
    : Torsh_InferredOp<mnemonic, traits> {
  let arguments = (ins Torsh_Tensor:$input, I64Attr:$axis,
                   DefaultValuedAttr<BoolAttr, "false">:$descending);
  let results = (outs TensorOf<[I64]>:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location> loc, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferOrderType(loc, getOperationName(), adaptor.getInput(), adaptor.getAxis(), types);
    }
  }];
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder, ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return reifyShapeOf(getInput(), builder, shapes);
    }
  }] # typeRule;
}

def Torsh_RankOp : Torsh_OrderOp<"rank"> {
  let summary = "where each element stands in the sorted order of its row";
  let description = [{
    The order is stable: equal elements keep theirs, also when `descending`. A NaN
    is larger than every number, -0.0 equals 0.0, false is less than true. The
    sorted row is `torsh.put_along_axis` of the elements at their ranks.
  }];
}

def Torsh_ArgsortOp : Torsh_OrderOp<"argsort",
    [DeclareOpInterfaceMethods<Torsh_DecomposableOpInterface>]> {
  let summary = "positions of the elements of a row in sorted order (`numpy.argsort`)";
  let description = "The order is that of `torsh.rank`, whose inverse this is.";
}

#endif // TORSH_INDEXING_OPS_TD
