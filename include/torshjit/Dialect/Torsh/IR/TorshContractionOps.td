// SPDX-License-Identifier: Apache-2.0
// Contractions: products of tensors summed over shared axes, convolution included.

#ifndef TORSH_CONTRACTION_OPS_TD
#define TORSH_CONTRACTION_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"

def Torsh_MatmulOp : Torsh_InferredOp<"matmul",
    [DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "matrix product over the last two axes, batched (`numpy.matmul`)";
  let description = [{
    `lhs` is (..., m, k) and `rhs` (..., k, n), both of rank two or more; the
    leading axes broadcast. f16 and bf16 are accumulated in f32, integers in
    their own type, wrapping around. With `dtype`, an integer type, the operands
    are integers of narrower types, not necessarily the same, that are widened to
    it before they are multiplied; it is the element type of the result.
    ```mlir
    %2 = torsh.matmul %0, %1 : (tensor<?x512xf32>, tensor<512x256xf32>) -> tensor<?x256xf32>
    %5 = torsh.matmul %3, %4 {dtype = i32} : (tensor<?x512xui8>, tensor<512x256xi8>) -> tensor<?x256xi32>
    ```
  }];
  let arguments = (ins Torsh_NumericTensor:$lhs, Torsh_NumericTensor:$rhs,
                   OptionalAttr<TypeAttr>:$dtype);
  let results = (outs Torsh_NumericTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def Torsh_LinearOp : Torsh_InferredOp<"linear",
    [DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "input times the transposed weight plus bias (`torch.nn.functional.linear`)";
  let description = [{
    `input` is (..., k), `weight` (n, k), `bias` (n); the result (..., n).
    Accumulation and `dtype` as in `torsh.matmul`; the bias, of the result's
    element type, is added to the accumulator.
  }];
  let arguments = (ins Torsh_NumericTensor:$input, Torsh_NumericTensor:$weight,
                   Optional<Torsh_NumericTensor>:$bias, OptionalAttr<TypeAttr>:$dtype);
  let results = (outs Torsh_NumericTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Torsh_ConvOp : Torsh_InferredOp<"conv",
    [DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "convolution over one to three spatial axes (`torch.nn.functional.conv2d`)";
  let description = [{
    `input` is (n, c, spatial...), `weight` (o, c / groups, window...), `bias`
    (o); the result (n, o, spatial...). It is a cross-correlation: the window is
    not flipped. `stride`, `dilation`, `padding_low` and `padding_high` have one
    entry per spatial axis. Accumulation and `dtype` as in `torsh.matmul`.
    ```mlir
    %2 = torsh.conv %0, %1 {stride = array<i64: 1, 1>, padding_low = array<i64: 1, 1>,
                            padding_high = array<i64: 1, 1>, dilation = array<i64: 1, 1>}
        : (tensor<1x3x8x8xf32>, tensor<16x3x3x3xf32>) -> tensor<1x16x8x8xf32>
    ```
  }];
  let arguments = (ins Torsh_NumericTensor:$input, Torsh_NumericTensor:$weight,
                   Optional<Torsh_NumericTensor>:$bias,
                   DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding_low,
                   DenseI64ArrayAttr:$padding_high, DenseI64ArrayAttr:$dilation,
                   DefaultValuedAttr<I64Attr, "1">:$groups, OptionalAttr<TypeAttr>:$dtype);
  let results = (outs Torsh_NumericTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// The number of spatial axes.
    int64_t getNumSpatialAxes() {
      return ::llvm::cast<::mlir::RankedTensorType>(getInput().getType()).getRank() - 2;
    }
  }];
}

#endif // TORSH_CONTRACTION_OPS_TD
