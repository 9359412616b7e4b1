// SPDX-License-Identifier: Apache-2.0
// Elementwise operations: arithmetic, comparison, selection, activations, casts.

#ifndef TORSH_ELEMENTWISE_OPS_TD
#define TORSH_ELEMENTWISE_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"
include "torshjit/Dialect/Torsh/IR/TorshAttrs.td"

// An elementwise operation. `cost` is ElementwiseOpInterface::getElementCost.
class Torsh_ElementwiseOp<string mnemonic, int cost, list<Trait> traits = []>
    : Torsh_InferredOp<mnemonic,
        !listconcat(traits,
          [DeclareOpInterfaceMethods<Torsh_ElementwiseOpInterface, ["getElementCost"]>,
           DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>])> {
  let extraClassDefinition = [{
    int64_t $cppClass::getElementCost() { return }] # !cast<string>(cost) # [{; }
    void $cppClass::getExtentConstraints(
        ::llvm::SmallVectorImpl<ExtentConstraint> &constraints) {
      getBroadcastConstraints(getOperation()->getOperandTypes(), constraints);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder,
        ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return reifyBroadcastShape(getOperation(), builder, shapes);
    }
  }] # typeRule;
}

// One operand; the result has its type.
class Torsh_UnaryOp<string mnemonic, int cost, Type tensor, list<Trait> traits = []>
    : Torsh_ElementwiseOp<mnemonic, cost, traits> {
  let arguments = (ins tensor:$input);
  let results = (outs tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location>, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      types.push_back(adaptor.getInput().getType());
      return ::mlir::success();
    }
  }];
}

// Two operands of one element type, which the result has too.
class Torsh_BinaryOp<string mnemonic, int cost, Type tensor, list<Trait> traits = []>
    : Torsh_ElementwiseOp<mnemonic, cost, traits> {
  let arguments = (ins tensor:$lhs, tensor:$rhs);
  let results = (outs tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location> loc, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferBroadcastType(loc, getOperationName(), adaptor.getOperands(),
                                /*elementType=*/{}, types);
    }
  }];
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

def Torsh_AddOp : Torsh_BinaryOp<"add", 1, Torsh_NumericTensor, [Commutative]> {
  let summary = "sum of two tensors (`numpy.add`)";
  let description = [{
    Integers wrap around.
    ```mlir
    %2 = torsh.add %0, %1 : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
    ```
  }];
  let hasFolder = 1;
}
def Torsh_SubOp : Torsh_BinaryOp<"sub", 1, Torsh_NumericTensor> {
  let summary = "difference of two tensors (`numpy.subtract`); integers wrap around";
  let hasFolder = 1;
}
def Torsh_MulOp : Torsh_BinaryOp<"mul", 1, Torsh_NumericTensor, [Commutative]> {
  let summary = "product of two tensors (`numpy.multiply`); integers wrap around";
  let hasFolder = 1;
}
def Torsh_DivOp : Torsh_BinaryOp<"div", 4, Torsh_FloatTensor> {
  let summary = "quotient of two float tensors (`numpy.divide`)";
  let hasFolder = 1;
}
def Torsh_FloorDivOp : Torsh_BinaryOp<"floor_divide", 6, Torsh_NumericTensor> {
  let summary = "largest integer not above the quotient (`numpy.floor_divide`)";
  let description = [{
    Integer division by zero gives 0, as in NumPy; the smallest integer divided
    by -1 wraps around to itself. Floats follow `floor(a / b)` with NumPy's
    correction, computed from the remainder so that `a == b * floor_divide +
    remainder` holds to rounding.
  }];
}
def Torsh_RemainderOp : Torsh_BinaryOp<"remainder", 6, Torsh_NumericTensor> {
  let summary = "remainder with the sign of the divisor (`numpy.remainder`)";
  let description = "Integer division by zero gives 0, as in NumPy.";
}
def Torsh_PowOp : Torsh_BinaryOp<"pow", 30, Torsh_NumericTensor> {
  let summary = "first operand to the power of the second (`numpy.power`)";
  let description = [{
    Integer powers wrap around; a negative integer exponent gives 0 except for
    bases 1 and -1.
  }];
}
def Torsh_MaximumOp : Torsh_BinaryOp<"maximum", 1, Torsh_NumericTensor, [Commutative]> {
  let summary = "larger of two elements, NaN if either is (`numpy.maximum`)";
}
def Torsh_MinimumOp : Torsh_BinaryOp<"minimum", 1, Torsh_NumericTensor, [Commutative]> {
  let summary = "smaller of two elements, NaN if either is (`numpy.minimum`)";
}
def Torsh_Atan2Op : Torsh_BinaryOp<"atan2", 40, Torsh_FloatTensor> {
  let summary = "angle of the point (second, first) (`numpy.arctan2`)";
}

//===----------------------------------------------------------------------===//
// Logic and bits
//===----------------------------------------------------------------------===//

def Torsh_AndOp : Torsh_BinaryOp<"and", 1, Torsh_IntOrBoolTensor, [Commutative]> {
  let summary = "bitwise and (`numpy.bitwise_and`); logical and on bools";
}
def Torsh_OrOp : Torsh_BinaryOp<"or", 1, Torsh_IntOrBoolTensor, [Commutative]> {
  let summary = "bitwise or (`numpy.bitwise_or`); logical or on bools";
}
def Torsh_XorOp : Torsh_BinaryOp<"xor", 1, Torsh_IntOrBoolTensor, [Commutative]> {
  let summary = "bitwise exclusive or (`numpy.bitwise_xor`)";
}
def Torsh_NotOp : Torsh_UnaryOp<"not", 1, Torsh_IntOrBoolTensor> {
  let summary = "bitwise complement (`numpy.invert`); logical not on bools";
}

def Torsh_ShiftLeftOp : Torsh_BinaryOp<"shift_left", 1, Torsh_IntTensor> {
  let summary = "bits moved up, zeros moved in (`numpy.left_shift`)";
  let description = "A shift that is negative or not below the width gives 0, as in NumPy.";
}
def Torsh_ShiftRightOp : Torsh_BinaryOp<"shift_right", 1, Torsh_IntTensor> {
  let summary = "bits moved down (`numpy.right_shift`)";
  let description = [{
    The sign is moved into signed integers, zeros into unsigned ones. A shift that
    is negative or not below the width gives what remains: -1 for a negative
    signed integer, else 0, as in NumPy.
  }];
}
def Torsh_PhiloxOp : Torsh_ElementwiseOp<"philox", 60> {
  let summary = "64 random bits for each counter and key: Philox4x32-10";
  let description = [{
    The counter of the block cipher is `counter` in its two low words and zero in
    the others, its key is `key`; the result has the first word of the output in
    its low half, the second in its high half. Equal operands give equal bits,
    whatever the machine. J. Salmon et al., "Parallel random numbers: as easy as
    1, 2, 3", 2011.
  }];
  let arguments = (ins Torsh_UInt64Tensor:$counter, Torsh_UInt64Tensor:$key);
  let results = (outs Torsh_UInt64Tensor:$result);
  let assemblyFormat =
      "$counter `,` $key attr-dict `:` functional-type(operands, results)";
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location> loc, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferBroadcastType(loc, getOperationName(), adaptor.getOperands(),
                                /*elementType=*/{}, types);
    }
  }];
}

//===----------------------------------------------------------------------===//
// Comparison and selection
//===----------------------------------------------------------------------===//

def Torsh_CompareOp : Torsh_ElementwiseOp<"compare", 1> {
  let summary = "comparison (`numpy.less` and its kin), a bool tensor";
  let description = [{
    Float comparisons with a NaN are false, except `ne`; false is less than true.
    ```mlir
    %2 = torsh.compare lt, %0, %1 : (tensor<8xf32>, tensor<f32>) -> tensor<8xi1>
    ```
  }];
  let arguments = (ins Torsh_ComparePredicateAttr:$predicate, Torsh_Tensor:$lhs,
                   Torsh_Tensor:$rhs);
  let results = (outs Torsh_BoolTensor:$result);
  let assemblyFormat =
      "$predicate `,` $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> loc, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferBroadcastType(loc, getOperationName(), adaptor.getOperands(),
                                ::mlir::IntegerType::get(context, 1), types);
    }
  }];
}

def Torsh_SelectOp : Torsh_ElementwiseOp<"select", 1> {
  let summary = "second operand where the first is true, else the third (`numpy.where`)";
  let arguments = (ins Torsh_BoolTensor:$condition, Torsh_Tensor:$on_true,
                   Torsh_Tensor:$on_false);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = [{
    $condition `,` $on_true `,` $on_false attr-dict `:` functional-type(operands, results)
  }];
}

def Torsh_IsNanOp : Torsh_ElementwiseOp<"isnan", 1> {
  let summary = "whether each element is NaN (`numpy.isnan`)";
  let arguments = (ins Torsh_FloatTensor:$input);
  let results = (outs Torsh_BoolTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> loc, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferBroadcastType(loc, getOperationName(), adaptor.getOperands(),
                                ::mlir::IntegerType::get(context, 1), types);
    }
  }];
}

//===----------------------------------------------------------------------===//
// Unary mathematics
//===----------------------------------------------------------------------===//

def Torsh_NegOp : Torsh_UnaryOp<"neg", 1, Torsh_NumericTensor> {
  let summary = "negation (`numpy.negative`)";
  let hasFolder = 1;
}
def Torsh_AbsOp : Torsh_UnaryOp<"abs", 1, Torsh_NumericTensor> {
  let summary = "absolute value (`numpy.absolute`)";
}
def Torsh_SignOp : Torsh_UnaryOp<"sign", 2, Torsh_NumericTensor> {
  let summary = "-1, 0 or 1 by sign, NaN for NaN (`numpy.sign`)";
}
def Torsh_SqrtOp : Torsh_UnaryOp<"sqrt", 6, Torsh_FloatTensor> {
  let summary = "square root (`numpy.sqrt`)";
}
def Torsh_RsqrtOp : Torsh_UnaryOp<"rsqrt", 10, Torsh_FloatTensor> {
  let summary = "reciprocal of the square root (`torch.rsqrt`)";
}
def Torsh_ReciprocalOp : Torsh_UnaryOp<"reciprocal", 4, Torsh_FloatTensor> {
  let summary = "reciprocal (`numpy.reciprocal`)";
}
def Torsh_ExpOp : Torsh_UnaryOp<"exp", 12, Torsh_FloatTensor> {
  let summary = "exponential (`numpy.exp`)";
}
def Torsh_Expm1Op : Torsh_UnaryOp<"expm1", 20, Torsh_FloatTensor> {
  let summary = "exponential minus one, accurate near zero (`numpy.expm1`)";
}
def Torsh_LogOp : Torsh_UnaryOp<"log", 15, Torsh_FloatTensor> {
  let summary = "natural logarithm (`numpy.log`)";
}
def Torsh_Log1pOp : Torsh_UnaryOp<"log1p", 20, Torsh_FloatTensor> {
  let summary = "logarithm of one plus the element, accurate near zero (`numpy.log1p`)";
}
def Torsh_SinOp : Torsh_UnaryOp<"sin", 15, Torsh_FloatTensor> {
  let summary = "sine (`numpy.sin`)";
}
def Torsh_CosOp : Torsh_UnaryOp<"cos", 15, Torsh_FloatTensor> {
  let summary = "cosine (`numpy.cos`)";
}
def Torsh_TanhOp : Torsh_UnaryOp<"tanh", 15, Torsh_FloatTensor> {
  let summary = "hyperbolic tangent (`numpy.tanh`)";
}
def Torsh_ErfOp : Torsh_UnaryOp<"erf", 20, Torsh_FloatTensor> {
  let summary = "error function (`torch.erf`)";
}
def Torsh_FloorOp : Torsh_UnaryOp<"floor", 1, Torsh_FloatTensor> {
  let summary = "largest integer not above (`numpy.floor`)";
}
def Torsh_CeilOp : Torsh_UnaryOp<"ceil", 1, Torsh_FloatTensor> {
  let summary = "smallest integer not below (`numpy.ceil`)";
}
def Torsh_TruncOp : Torsh_UnaryOp<"trunc", 1, Torsh_FloatTensor> {
  let summary = "integer part (`numpy.trunc`)";
}
def Torsh_RoundOp : Torsh_UnaryOp<"round", 1, Torsh_FloatTensor> {
  let summary = "nearest integer, halves to even (`numpy.rint`)";
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

def Torsh_ReluOp : Torsh_UnaryOp<"relu", 1, Torsh_NumericTensor> {
  let summary = "larger of the element and zero, NaN for NaN (`torch.relu`)";
}
def Torsh_SigmoidOp : Torsh_UnaryOp<"sigmoid", 15, Torsh_FloatTensor> {
  let summary = "1 / (1 + exp(-x)) (`torch.sigmoid`)";
}
def Torsh_SiluOp : Torsh_UnaryOp<"silu", 16, Torsh_FloatTensor> {
  let summary = "x * sigmoid(x) (`torch.nn.functional.silu`)";
}
def Torsh_GeluOp : Torsh_UnaryOp<"gelu", 24, Torsh_FloatTensor> {
  let summary = "x times the normal distribution function of x (`torch.nn.functional.gelu`)";
  let description = [{
    `approximate` none: `x / 2 * (1 + erf(x / sqrt(2)))`;
    tanh: `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
  }];
  let arguments = (ins Torsh_FloatTensor:$input,
    DefaultValuedAttr<Torsh_GeluApproximationAttr,
                      "::mlir::torsh::GeluApproximation::none">:$approximate);
}
def Torsh_SoftplusOp : Torsh_UnaryOp<"softplus", 25, Torsh_FloatTensor> {
  let summary = "log(1 + exp(x)), without overflow (`torch.nn.functional.softplus`)";
}
def Torsh_LeakyReluOp : Torsh_UnaryOp<"leaky_relu", 2, Torsh_FloatTensor> {
  let summary = "x where x > 0, else slope * x (`torch.nn.functional.leaky_relu`)";
  let arguments = (ins Torsh_FloatTensor:$input,
                   DefaultValuedAttr<F64Attr, "0.01">:$negative_slope);
}
def Torsh_EluOp : Torsh_UnaryOp<"elu", 16, Torsh_FloatTensor> {
  let summary = "x where x > 0, else alpha * (exp(x) - 1) (`torch.nn.functional.elu`)";
  let arguments = (ins Torsh_FloatTensor:$input, DefaultValuedAttr<F64Attr, "1.0">:$alpha);
}
def Torsh_HardsigmoidOp : Torsh_UnaryOp<"hardsigmoid", 3, Torsh_FloatTensor> {
  let summary = "clamp(x / 6 + 1 / 2, 0, 1) (`torch.nn.functional.hardsigmoid`)";
}
def Torsh_HardswishOp : Torsh_UnaryOp<"hardswish", 4, Torsh_FloatTensor> {
  let summary = "x * hardsigmoid(x) (`torch.nn.functional.hardswish`)";
}

//===----------------------------------------------------------------------===//
// Cast
//===----------------------------------------------------------------------===//

def Torsh_CastOp : Torsh_ElementwiseOp<"cast", 1> {
  let summary = "conversion to another element type (`numpy.ndarray.astype`)";
  let description = [{
    Float to integer truncates towards zero; NaN and values out of range give an
    unspecified integer, as in NumPy and C, but never undefined behaviour. Wider
    to narrower integers keep the low bits. Anything to bool is `x != 0`.
    ```mlir
    %1 = torsh.cast %0 to f32 : (tensor<8xi32>) -> tensor<8xf32>
    ```
  }];
  let arguments = (ins Torsh_Tensor:$input, TypeAttr:$dtype);
  let results = (outs Torsh_Tensor:$result);
  let assemblyFormat = "$input `to` $dtype attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Torsh_BitcastOp : Torsh_ElementwiseOp<"bitcast", 1> {
  let summary = "the same bits as another element type (`numpy.ndarray.view`)";
  let description = [{
    Both types have one width; bools have none to share.
    ```mlir
    %1 = torsh.bitcast %0 to i32 : (tensor<8xf32>) -> tensor<8xi32>
    ```
  }];
  let arguments = (ins Torsh_NumericTensor:$input, TypeAttr:$dtype);
  let results = (outs Torsh_NumericTensor:$result);
  let assemblyFormat = "$input `to` $dtype attr-dict `:` functional-type(operands, results)";
}

#endif // TORSH_ELEMENTWISE_OPS_TD
