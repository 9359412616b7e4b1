// SPDX-License-Identifier: Apache-2.0
// What operations that targets take whole become in kernels: between the phases linalg and
// loops, on tensors and then on memrefs.

#ifndef TORSH_KERNEL_FORMS_TD
#define TORSH_KERNEL_FORMS_TD

include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "torshjit/Dialect/Torsh/IR/TorshAttentionOps.td"

def Torsh_StreamedAttentionOp : Torsh_Op<"streamed_attention",
    [DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "attention whose keys are read block by block, writing into `init`";
  let description = [{
    As `torsh.attention`, on tensors without unit axes. Each list of axes says, for every axis
    of that operation's description, which axis of the operand it is, -1 for one of extent 1;
    for `init`, where the result goes, likewise. `group` heads of the query share a key.
  }];
  let arguments = (ins AnyShaped:$query, AnyShaped:$key, AnyShaped:$value,
                   Optional<AnyShaped>:$mask, AnyShaped:$init, F64Attr:$scale, BoolAttr:$causal,
                   F64Attr:$masked_score, BoolAttr:$zero_masked_rows, I64Attr:$group,
                   DenseI64ArrayAttr:$query_axes, DenseI64ArrayAttr:$key_axes,
                   DenseI64ArrayAttr:$value_axes, DenseI64ArrayAttr:$mask_axes,
                   DenseI64ArrayAttr:$init_axes);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` `(` $mask^ `)`)? `into` $init attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

#endif // TORSH_KERNEL_FORMS_TD
