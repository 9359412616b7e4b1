// SPDX-License-Identifier: Apache-2.0
// Reductions, pools and normalisations.

#ifndef TORSH_REDUCTION_OPS_TD
#define TORSH_REDUCTION_OPS_TD

include "torshjit/Dialect/Torsh/IR/TorshBase.td"

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

class Torsh_ReductionOp<string mnemonic, Type tensor, list<Trait> traits = []>
    : Torsh_InferredOp<mnemonic, traits> {
  let arguments = (ins tensor:$input, DenseI64ArrayAttr:$axes,
                   DefaultValuedAttr<BoolAttr, "false">:$keepdims);
  let results = (outs tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location> loc, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferReductionType(loc, getOperationName(), adaptor.getInput(),
                                adaptor.getAxes(), adaptor.getKeepdims(), types);
    }
  }];
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verify() {
      return verifyReductionExtents(getOperation(), getInput(), getAxes());
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder, ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return reifyReductionShape(getOperation(), getInput(), getAxes(), getKeepdims(),
                                 builder, shapes);
    }
  }] # typeRule;
}

def Torsh_SumOp : Torsh_ReductionOp<"sum", Torsh_NumericTensor,
                                  [Torsh_DefinedOnEmptyAxes]> {
  let summary = "sum over axes (`numpy.sum`)";
  let description = [{
    `axes` are distinct, non-negative and sorted; with `keepdims` they stay as
    extents of one. f16 and bf16 are accumulated in f32. Floats are summed in an
    order that depends on the machine, by blocks. An empty sum is zero.
    ```mlir
    %1 = torsh.sum %0 {axes = array<i64: 1>, keepdims = true} : (tensor<8x4xf32>) -> tensor<8x1xf32>
    ```
  }];
}
def Torsh_ProdOp : Torsh_ReductionOp<"prod", Torsh_NumericTensor,
                                  [Torsh_DefinedOnEmptyAxes]> {
  let summary = "product over axes (`numpy.prod`); an empty product is one";
}
def Torsh_AmaxOp : Torsh_ReductionOp<"amax", Torsh_NumericTensor> {
  let summary = "largest element over axes, NaN if any is (`numpy.amax`)";
}
def Torsh_AminOp : Torsh_ReductionOp<"amin", Torsh_NumericTensor> {
  let summary = "smallest element over axes, NaN if any is (`numpy.amin`)";
}
def Torsh_AnyOp : Torsh_ReductionOp<"any", Torsh_BoolTensor,
                                  [Torsh_DefinedOnEmptyAxes]> {
  let summary = "whether some element is true over axes (`numpy.any`)";
}
def Torsh_AllOp : Torsh_ReductionOp<"all", Torsh_BoolTensor,
                                  [Torsh_DefinedOnEmptyAxes]> {
  let summary = "whether every element is true over axes (`numpy.all`)";
}
def Torsh_MeanOp : Torsh_ReductionOp<"mean", Torsh_FloatTensor,
                                  [Torsh_DefinedOnEmptyAxes]> {
  let summary = "arithmetic mean over axes (`numpy.mean`)";
  let description = "An empty mean is NaN.";
}

class Torsh_ArgReductionOp<string mnemonic> : Torsh_InferredOp<mnemonic> {
  let arguments = (ins Torsh_NumericTensor:$input, I64Attr:$axis,
                   DefaultValuedAttr<BoolAttr, "false">:$keepdims);
  let results = (outs TensorOf<[I64]>:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> loc, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferReductionType(loc, getOperationName(), adaptor.getInput(),
                                {static_cast<int64_t>(adaptor.getAxis())},
                                adaptor.getKeepdims(), types,
                                ::mlir::IntegerType::get(context, 64));
    }
  }];
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verify() {
      return verifyReductionExtents(getOperation(), getInput(),
                                    {static_cast<int64_t>(getAxis())});
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder, ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return reifyReductionShape(getOperation(), getInput(),
                                 {static_cast<int64_t>(getAxis())}, getKeepdims(), builder,
                                 shapes);
    }
  }] # typeRule;
}
def Torsh_ArgmaxOp : Torsh_ArgReductionOp<"argmax"> {
  let summary = "position of the first largest element along an axis (`numpy.argmax`)";
  let description = "A NaN counts as the largest, and the first NaN wins.";
}
def Torsh_ArgminOp : Torsh_ArgReductionOp<"argmin"> {
  let summary = "position of the first smallest element along an axis (`numpy.argmin`)";
  let description = "A NaN counts as the smallest, and the first NaN wins.";
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

class Torsh_PoolOp<string mnemonic, Type tensor> : Torsh_InferredOp<mnemonic> {
  let results = (outs tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Torsh_MaxPoolOp : Torsh_PoolOp<"max_pool", Torsh_NumericTensor> {
  let summary = "largest element of a sliding window (`torch.nn.functional.max_pool2d`)";
  let description = [{
    `input` is (n, c, spatial...), with one to three spatial axes; `window`,
    `stride`, `dilation`, `padding_low` and `padding_high` have one entry per
    spatial axis. Padding counts as the smallest value of the type. NaN wins.
    Padding must be smaller than the (dilated) window, so that no window is empty.
  }];
  let arguments = (ins Torsh_NumericTensor:$input, DenseI64ArrayAttr:$window,
                   DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding_low,
                   DenseI64ArrayAttr:$padding_high, DenseI64ArrayAttr:$dilation);
}

def Torsh_AvgPoolOp : Torsh_PoolOp<"avg_pool", Torsh_FloatTensor> {
  let summary = "mean of a sliding window (`torch.nn.functional.avg_pool2d`)";
  let description = [{
    As `torsh.max_pool`, without dilation; padding counts as zeros, and among
    the elements divided by unless `count_include_pad` is false.
  }];
  let arguments = (ins Torsh_FloatTensor:$input, DenseI64ArrayAttr:$window,
                   DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$padding_low,
                   DenseI64ArrayAttr:$padding_high,
                   DefaultValuedAttr<BoolAttr, "true">:$count_include_pad);
}

//===----------------------------------------------------------------------===//
// Normalisation
//===----------------------------------------------------------------------===//

class Torsh_NormalizationOp<string mnemonic, list<Trait> traits = []>
    : Torsh_InferredOp<mnemonic,
        !listconcat(traits, [DeclareOpInterfaceMethods<Torsh_DecomposableOpInterface>])> {
  let results = (outs Torsh_FloatTensor:$result);
  let hasVerifier = 1;
  let typeRule = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *, std::optional<::mlir::Location>, Adaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      types.push_back(adaptor.getInput().getType());
      return ::mlir::success();
    }
  }];
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::reifyResultShapes(
        ::mlir::OpBuilder &builder, ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return reifyShapeOf(getInput(), builder, shapes);
    }
  }] # typeRule;
}

def Torsh_SoftmaxOp : Torsh_NormalizationOp<"softmax"> {
  let summary = "exp(x) / sum(exp(x)) along an axis, without overflow (`torch.softmax`)";
  let description = "f16 and bf16 are computed in f32.";
  let arguments = (ins Torsh_FloatTensor:$input, I64Attr:$axis);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}
def Torsh_LogSoftmaxOp : Torsh_NormalizationOp<"log_softmax"> {
  let summary = "logarithm of the softmax along an axis (`torch.log_softmax`)";
  let description = "f16 and bf16 are computed in f32.";
  let arguments = (ins Torsh_FloatTensor:$input, I64Attr:$axis);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}
// A normalisation with operands that belong to axes of the input: a `?` of one
// takes the extent of another, and must have it when the program runs.
class Torsh_AffineNormalizationOp<string mnemonic> : Torsh_NormalizationOp<mnemonic,
    [AttrSizedOperandSegments,
     DeclareOpInterfaceMethods<Torsh_ExtentConstraintOpInterface>]> {
  let hasVerifier = 0;
  let typeRule = "";
}

def Torsh_LayerNormOp : Torsh_AffineNormalizationOp<"layer_norm"> {
  let summary = "(x - mean) / sqrt(var + eps) * weight + bias (`torch.nn.functional.layer_norm`)";
  let description = [{
    Mean and (biased) variance are taken over the last `num_axes` axes, whose
    extents are the shape of `weight` and `bias`. f16 and bf16 are computed in f32.
  }];
  let arguments = (ins Torsh_FloatTensor:$input, Optional<Torsh_FloatTensor>:$weight,
                   Optional<Torsh_FloatTensor>:$bias, I64Attr:$num_axes, F64Attr:$eps);
  let assemblyFormat = [{
    $input (`weight` `(` $weight^ `)`)? (`bias` `(` $bias^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
}
def Torsh_BatchNormOp : Torsh_AffineNormalizationOp<"batch_norm"> {
  let summary = "normalisation by given statistics (`torch.nn.functional.batch_norm`, inference)";
  let description = [{
    (x - mean) / sqrt(variance + eps) * weight + bias, where the four have the
    extent of axis 1 of the input.
  }];
  let arguments = (ins Torsh_FloatTensor:$input, Torsh_FloatTensor:$mean,
                   Torsh_FloatTensor:$variance, Optional<Torsh_FloatTensor>:$weight,
                   Optional<Torsh_FloatTensor>:$bias, F64Attr:$eps);
  let assemblyFormat = [{
    $input `,` $mean `,` $variance (`weight` `(` $weight^ `)`)? (`bias` `(` $bias^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

#endif // TORSH_REDUCTION_OPS_TD
