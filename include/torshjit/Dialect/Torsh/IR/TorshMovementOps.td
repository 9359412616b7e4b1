// SPDX-License-Identifier: Apache-2.0
// Constants and operations that move elements without computing.

#ifndef TORSH_MOVEMENT_OPS_TD
#define TORSH_MOVEMENT_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"
include "torshjit/Dialect/Torsh/IR/TorshAttrs.td"

def Torsh_ConstantOp : Torsh_Op<"constant",
    [Pure, ConstantLike, FirstAttrDerivedResultType,
     DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "a tensor known when the program is compiled";
  let description = [{
    ```mlir
    %0 = torsh.constant dense<[1.0, 2.0]> : tensor<2xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Torsh_IotaOp : Torsh_Op<"iota", [Pure]> {
  let summary = "positions along an axis (`numpy.arange`)";
  let description = [{
    Every element is its position along `axis`, in the element type of the
    result. A `?` extent of the result is given by an operand, in order.
  }];
  let arguments = (ins Variadic<Index>:$dynamic_sizes, I64Attr:$axis);
  let results = (outs Torsh_NumericTensor:$result);
  let assemblyFormat = "(`sizes` `(` $dynamic_sizes^ `)`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

// A movement whose result type has to be given.
class Torsh_ReshapingOp<string mnemonic> : Torsh_Op<mnemonic,
    [Pure, DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let arguments = (ins Torsh_Tensor:$input, Variadic<Index>:$dynamic_sizes);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = [{
    $input (`sizes` `(` $dynamic_sizes^ `)`)? attr-dict `:`
    functional-type($input, $result)
  }];
  let hasVerifier = 1;
}

def Torsh_ReshapeOp : Torsh_ReshapingOp<"reshape"> {
  let summary = "the same elements in the same order under another shape (`numpy.reshape`)";
  let description = [{
    At most one `?` of the result follows from the number of elements; where
    there are more, `sizes` gives each of them, in order.
    ```mlir
    %1 = torsh.reshape %0 : (tensor<?x4x8xf32>) -> tensor<?x32xf32>
    ```
  }];
  let hasFolder = 1;
}
def Torsh_BroadcastOp : Torsh_ReshapingOp<"broadcast"> {
  let summary = "the tensor repeated to a larger shape (`numpy.broadcast_to`)";
  let description = [{
    Axes are aligned from the last, as NumPy does; an extent of 1 is repeated. A
    `?` of the result is that of the input unless `sizes` gives each of them.
  }];
}

def Torsh_PermuteOp : Torsh_InferredOp<"permute"> {
  let summary = "axes in another order (`numpy.transpose`)";
  let description = [{
    Axis `i` of the result is axis `permutation[i]` of the input.
  }];
  let arguments = (ins Torsh_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Torsh_SliceOp : Torsh_InferredOp<"slice"> {
  let summary = "every `stride`-th element from `start` to before `stop` (NumPy's slices)";
  let description = [{
    `start`, `stop` and `stride` have one entry per axis. Strides are positive
    or negative, not zero; a negative one runs backwards from `start` and ends
    before `stop`, which may be -1 - extent, as Python's `slice.indices` gives
    it. Where the extent is static, start and stop are within it. Where it is
    `?`, a `stop` of the largest i64 stands for the extent and other bounds are
    checked when the program runs; a stride on a `?` axis is positive.
  }];
  let arguments = (ins Torsh_Tensor:$input, DenseI64ArrayAttr:$start,
                   DenseI64ArrayAttr:$stop, DenseI64ArrayAttr:$stride);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Torsh_ConcatOp : Torsh_InferredOp<"concat",
    [DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "tensors one after the other along an axis (`numpy.concatenate`)";
  let arguments = (ins Variadic<Torsh_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Torsh_PadOp : Torsh_InferredOp<"pad"> {
  let summary = "the tensor with a margin of one value (`numpy.pad`, mode constant)";
  let description = [{
    `low` and `high` have one entry per axis, none negative; `value` has the
    element type of the input and no axes.
  }];
  let arguments = (ins Torsh_Tensor:$input, Torsh_Tensor:$value, DenseI64ArrayAttr:$low,
                   DenseI64ArrayAttr:$high);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = "$input `,` $value attr-dict `:` functional-type(operands, results)";
}

#endif // TORSH_MOVEMENT_OPS_TD
