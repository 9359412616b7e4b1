// SPDX-License-Identifier: Apache-2.0
// Interfaces and traits that carry what an operation means, so that nothing switches
// over names.

#ifndef TORSH_INTERFACES_TD
#define TORSH_INTERFACES_TD

include "mlir/IR/OpBase.td"

def Torsh_ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::mlir::torsh";
  let description = [{
    An operation that computes every element of its one result from the elements
    at the same (broadcast) position of its operands.
  }];
  let methods = [
    InterfaceMethod<[{
        Builds the operation on scalars: `operands` are one element of each operand
        as stored (unsigned ones have no sign in their type); returns one element of
        type `resultElementType`, likewise. Also valid on vectors of such types.
      }],
      "::mlir::Value", "buildScalarBody",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc,
           "::mlir::ValueRange":$operands, "::mlir::Type":$resultElementType)>,
    InterfaceMethod<[{
        A rough cost of one element in floating-point operations; drives what is
        worth computing twice and what is worth running on several threads.
      }],
      "int64_t", "getElementCost", (ins), "",
      /*defaultImplementation=*/[{ return 1; }]>,
  ];
}

def Torsh_DecomposableOpInterface : OpInterface<"DecomposableOpInterface"> {
  let cppNamespace = "::mlir::torsh";
  let description = [{
    A composite operation, whose meaning is a short program of simpler `torsh`
    operations. A target says which composites it takes whole; all others are
    decomposed before fusion.
  }];
  let methods = [
    InterfaceMethod<[{
        Builds the simpler program at the builder's insertion point and returns
        the values to replace the results with, or failure.
      }],
      "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decompose",
      (ins "::mlir::OpBuilder &":$builder)>,
  ];
}

def Torsh_ExtentConstraintOpInterface : OpInterface<"ExtentConstraintOpInterface"> {
  let cppNamespace = "::mlir::torsh";
  let description = [{
    An operation that requires extents of its operands to agree. Static extents
    are checked by the verifier; a constraint with a `?` is checked when the
    program runs.
  }];
  let methods = [
    InterfaceMethod<[{
        Appends the pairs of (operand number, axis) whose extents must be equal
        and where at least one is `?`.
      }],
      "void", "getExtentConstraints",
      (ins "::llvm::SmallVectorImpl<::mlir::torsh::ExtentConstraint> &":$constraints)>,
  ];
}

// A reduction that has a value over no elements: zero for a sum, NaN for a mean.
def Torsh_DefinedOnEmptyAxes : NativeOpTrait<"DefinedOnEmptyAxes"> {
  let cppNamespace = "::mlir::torsh";
}

#endif // TORSH_INTERFACES_TD
