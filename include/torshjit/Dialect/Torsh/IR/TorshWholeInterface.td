// SPDX-License-Identifier: Apache-2.0
// What a composite operation says of itself to targets that take it whole.

#ifndef TORSH_WHOLE_INTERFACE_TD
#define TORSH_WHOLE_INTERFACE_TD

include "mlir/IR/OpBase.td"

def Torsh_WholeOpInterface : OpInterface<"WholeOpInterface"> {
  let cppNamespace = "::mlir::torsh";
  let description = [{
    A composite operation of which a target that takes it whole needs to know more
    than every program says.
  }];
  let methods = [
    InterfaceMethod<"Whether all of that is known; where it is not, the operation is decomposed.",
      "bool", "canStayWhole", (ins)>,
  ];
}

#endif // TORSH_WHOLE_INTERFACE_TD
