// SPDX-License-Identifier: Apache-2.0
// Attention: a softmax between two products, taken whole by targets that never store the
// scores. In a header of its own, TorshAttention.h, which few files need.

#ifndef TORSH_ATTENTION_OPS_TD
#define TORSH_ATTENTION_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"
include "torshjit/Dialect/Torsh/IR/TorshWholeInterface.td"

def Torsh_MaskTensor : RankedTensorOf<[Torsh_Float, Torsh_Bool]>;

def Torsh_AttentionOp : Torsh_InferredOp<"attention",
    [DeclareOpInterfaceMethods<Torsh_DecomposableOpInterface>,
     DeclareOpInterfaceMethods<Torsh_WholeOpInterface>,
     DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let summary = "softmax(scale * query @ key^T + mask) @ value "
                "(`torch.nn.functional.scaled_dot_product_attention`)";
  let description = [{
    `query` is (..., l, d), `key` (..., s, d), `value` (..., s, e), the result (..., l, e). A
    leading extent of key and value is the query's, or 1; the last leading one may also divide
    the query's: then that many consecutive heads of the query share one of theirs.

    `mask` broadcasts to (..., l, s). Where it is of bools, a false one replaces the score by
    `masked_score` (minus infinity if it is not given); where it is of floats, it is added to
    the score. With `causal`, query `i` sees keys up to `i`, and the other scores are replaced
    in the same way. Then a softmax over the keys, in f32 for f16 and bf16, and the product
    with the values. A query all of whose scores are minus infinity gives NaN, or zeros with
    `zero_masked_rows`; one over no keys gives zeros.

    `query_axes`, `key_axes` and `value_axes` permute the operands first, as `torsh.permute`
    does, and `result_axes` the result afterwards, so that heads need not be moved in memory.

    Whether a NaN or infinity among the values reaches a query whose weight for it is 0 is left
    open: a target may skip keys that no query of a block sees.
    ```mlir
    %0 = torsh.attention %q, %k, %v {scale = 0.125, causal = true}
        : (tensor<12x?x64xf32>, tensor<12x?x64xf32>, tensor<12x?x64xf32>) -> tensor<12x?x64xf32>
    ```
  }];
  let arguments = (ins Torsh_FloatTensor:$query, Torsh_FloatTensor:$key, Torsh_FloatTensor:$value,
                   Optional<Torsh_MaskTensor>:$mask, F64Attr:$scale,
                   DefaultValuedAttr<BoolAttr, "false">:$causal,
                   OptionalAttr<F64Attr>:$masked_score,
                   DefaultValuedAttr<BoolAttr, "false">:$zero_masked_rows,
                   OptionalAttr<DenseI64ArrayAttr>:$query_axes,
                   OptionalAttr<DenseI64ArrayAttr>:$key_axes,
                   OptionalAttr<DenseI64ArrayAttr>:$value_axes,
                   OptionalAttr<DenseI64ArrayAttr>:$result_axes);
  let results = (outs Torsh_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` `(` $mask^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// The score of a key that a query does not see.
    double getHiddenScore();
    /// How many heads of the query share one of the keys; 1 where they are paired or broadcast.
    int64_t getGroupSize();
    /// The axes of the operands in the order of the description, one list for each.
    ::llvm::SmallVector<int64_t> getAxesOfQuery();
    ::llvm::SmallVector<int64_t> getAxesOfKey();
    ::llvm::SmallVector<int64_t> getAxesOfValue();
    /// Axis `i` of the result is axis `getAxesOfResult()[i]` of the description's.
    ::llvm::SmallVector<int64_t> getAxesOfResult();
  }];
}

#endif // TORSH_ATTENTION_OPS_TD
