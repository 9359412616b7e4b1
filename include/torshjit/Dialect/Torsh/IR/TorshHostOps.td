// SPDX-License-Identifier: Apache-2.0
// What the host program does between kernels, beside launching them.

#ifndef TORSH_HOST_OPS_TD
#define TORSH_HOST_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"

def Torsh_AssertOp : Torsh_Op<"assert"> {
  let summary = "raises an error unless a condition on data holds";
  let description = [{
    `condition` is computed by a kernel; the error is raised when it is known, and
    the results of the program are not delivered. What extents alone decide is a
    `torsh.check`.
    ```mlir
    torsh.assert %inside, "index out of range for an axis of extent 50" : tensor<i1>
    ```
  }];
  let arguments = (ins 0DTensorOf<[I1]>:$condition, StrAttr:$message);
  let assemblyFormat = "$condition `,` $message attr-dict `:` type($condition)";
}

def Torsh_HostCallOp : Torsh_Op<"host_call",
    [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
     DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "calls a function of the host on tensors";
  let description = [{
    `callee` is the name under which the host knows the function; it gets the
    operands and gives the results, whose types are stated here. `sizes` gives each
    `?` extent of the results, in order. A call is neither removed nor moved past
    another one unless it is `pure`.
    ```mlir
    %1 = torsh.host_call "eig.0"(%0) {pure} : (tensor<4x4xf64>) -> tensor<4xf64>
    ```
  }];
  let arguments = (ins StrAttr:$callee, Variadic<Torsh_Tensor>:$inputs,
                   Variadic<Index>:$sizes, UnitAttr:$pure);
  let results = (outs Variadic<Torsh_Tensor>:$results);
  let assemblyFormat = [{
    $callee `(` $inputs `)` (`sizes` `(` $sizes^ `)`)? attr-dict
    `:` functional-type($inputs, $results)
  }];
  let hasVerifier = 1;
}

#endif // TORSH_HOST_OPS_TD
