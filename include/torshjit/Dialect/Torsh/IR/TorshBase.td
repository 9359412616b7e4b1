// SPDX-License-Identifier: Apache-2.0
// The dialect, its element types, and the classes all its operations derive from.

#ifndef TORSH_BASE_TD
#define TORSH_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "torshjit/Dialect/Torsh/IR/TorshInterfaces.td"

def Torsh_Dialect : Dialect {
  let name = "torsh";
  let cppNamespace = "::mlir::torsh";
  let summary = "tensor programs at the array level";
  let description = [{
    The `torsh` dialect models a tensor program as a graph of operations on
    ranked tensors. Extents may be `?`. Elementwise operations broadcast as
    NumPy does, with one restriction that keeps a compiled program from being
    silently wrong: a `?` extent never broadcasts. Where a `?` meets a static
    extent other than 1, or another `?`, the two must be equal when the program
    runs, and a call where they are not raises an error.

    Casts are explicit: the operands of an operation have one element type.
    Integers without a sign in their type (`i8`) are signed, `ui8` and its kin
    are not.
    Control flow is upstream `scf` on tensors.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def Torsh_Float : AnyTypeOf<[F16, BF16, F32, F64], "float (f16, bf16, f32, f64)">;
def Torsh_Int : AnyTypeOf<[I8, I16, I32, I64, UI8, UI16, UI32, UI64],
                          "integer (i8, i16, i32, i64, ui8, ui16, ui32, ui64)">;
def Torsh_Bool : AnyTypeOf<[I1], "bool (i1)">;

def Torsh_Tensor : RankedTensorOf<[Torsh_Float, Torsh_Int, Torsh_Bool]>;
def Torsh_FloatTensor : RankedTensorOf<[Torsh_Float]>;
def Torsh_NumericTensor : RankedTensorOf<[Torsh_Float, Torsh_Int]>;
def Torsh_IntTensor : RankedTensorOf<[Torsh_Int]>;
def Torsh_UInt64Tensor : RankedTensorOf<[UI64]>;
def Torsh_IntOrBoolTensor : RankedTensorOf<[Torsh_Int, Torsh_Bool]>;
def Torsh_BoolTensor : RankedTensorOf<[Torsh_Bool]>;

//===----------------------------------------------------------------------===//
// Operation classes
//===----------------------------------------------------------------------===//

class Torsh_Op<string mnemonic, list<Trait> traits = []>
    : Op<Torsh_Dialect, mnemonic, traits>;

// An operation whose result types follow from its operands and attributes, and
// whose result extents can be built as IR.
class Torsh_InferredOp<string mnemonic, list<Trait> traits = []>
    : Torsh_Op<mnemonic,
               !listconcat(traits,
                           [Pure, InferTypeOpAdaptor,
                            DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])> {
  // The definition of inferReturnTypes, where a class of operations shares one.
  code typeRule = "";
  let extraClassDefinition = typeRule;
}

#endif // TORSH_BASE_TD
