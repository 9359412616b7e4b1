// SPDX-License-Identifier: Apache-2.0
// Passes that make a torsh graph smaller or cheaper without changing what it computes.

#ifndef TORSH_SIMPLIFY_PASSES_TD
#define TORSH_SIMPLIFY_PASSES_TD

include "mlir/Pass/PassBase.td"

def EliminateDeadCodePass : Pass<"torsh-eliminate-dead-code"> {
  let summary = "remove operations whose results nobody uses, and private symbols nobody names";
  let description = [{
    Erases, users first, every operation without side effects whose results are
    unused: constants, launches of kernels and whole control flow included. On an
    operation that holds a symbol table, also erases the private functions and
    kernels that nothing reachable from a public symbol, or from an operation that
    is no symbol, names.

    An unused operation on `?` extents goes with the check that its extents agree;
    `torsh.check` itself has a side effect and stays.

    ```mlir
    func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
      %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>    // goes
      return %x : tensor<8xf32>
    }
    ```
  }];
  let statistics = [
    Statistic<"numOperations", "num-operations", "Operations erased">,
    Statistic<"numSymbols", "num-symbols", "Private symbols erased">
  ];
}

def FoldConstantsPass : Pass<"torsh-fold-constants"> {
  let summary = "evaluate operations on constants when the program is compiled";
  let description = [{
    Elementwise operations are evaluated through their own scalar body
    (`ElementwiseOpInterface::buildScalarBody`), so that there is one meaning and
    no second table of it: every distinct combination of operand elements once,
    which makes splats cheap. Movements (reshape, permute, slice, broadcast,
    concat, pad, iota) copy elements.

    A folded value is the one that the compiled kernel would give, bit by bit (the
    bits of a NaN apart): operations whose body is not exactly rounded (`exp`,
    `tanh`, `pow`, ...) are left to the kernel unless `fast` is set.

    ```mlir
    %0 = torsh.constant dense<2.0> : tensor<8xf32>
    %1 = torsh.mul %0, %0 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    // becomes
    %1 = torsh.constant dense<4.0> : tensor<8xf32>
    ```
  }];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", "1048576",
           "Largest constant to make, in bytes; a splat counts as one element">,
    Option<"maxEvaluations", "max-evaluations", "int64_t", "65536",
           "Most distinct combinations of operand elements to evaluate for one operation">,
    Option<"fast", "fast", "bool", "false",
           "Also evaluate functions that the kernel rounds differently">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::torsh::TorshDialect"];
  let statistics = [Statistic<"numFolded", "num-folded", "Operations evaluated">];
}

def FoldBatchNormsPass : Pass<"torsh-fold-batch-norms"> {
  let summary = "batch norms behind fixed weights become part of these";
  let description = [{
    The scale of a batch norm whose statistics are fixed goes into the weights of the
    convolution or linear layer before it, and the shift into the bias, if these are fixed too
    and nothing else uses the layer's result. The new weights are computed once, when the
    program is loaded. Weights of f16 and bf16 are left, since they would be rounded again.

    ```mlir
    %0 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
    %1 = torsh.batch_norm %0, %mean, %variance {eps = 1.0e-05 : f64} : ...
    // becomes
    %s = torsh.rsqrt %5 : (tensor<4xf32>) -> tensor<4xf32>    // of variance + eps
    %v = torsh.mul %w, %6 : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xf32>
    %1 = torsh.linear %x, %v bias(%7) : ...                   // -mean * s
    ```
  }];
  let dependentDialects = ["::mlir::torsh::TorshDialect"];
  let statistics = [Statistic<"numFolded", "num-folded", "Batch norms folded">];
}

def SimplifyAlgebraPass : Pass<"torsh-simplify-algebra"> {
  let summary = "rewrite by algebraic identities";
  let description = [{
    Applies identities that hold for every input, signed zeros, infinities, NaN and
    wrap-around included, and puts the operands of commutative operations into one
    order, so that CSE sees through `x + y` and `y + x`. Identities that
    change how floats are rounded are applied only with `fast`.

    A rewrite keeps the type of every result, and keeps every check that `?`
    extents agree.

    ```mlir
    %0 = torsh.permute %w {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
    %1 = torsh.matmul %x, %0 : (tensor<2x8xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
    // becomes
    %1 = torsh.linear %x, %w : (tensor<2x8xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
    ```
  }];
  let options = [
    Option<"fast", "fast", "bool", "false", "Also apply identities that change float rounding">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::torsh::TorshDialect"];
}

def ReduceStrengthPass : Pass<"torsh-reduce-strength"> {
  let summary = "replace operations by cheaper ones of the same value";
  let description = [{
    Powers become products, divisions by powers of two become multiplications, and
    so on. Replacements that round differently are made only with `fast`.

    ```mlir
    %c = torsh.constant dense<2.0> : tensor<f32>
    %0 = torsh.pow %x, %c : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    // becomes
    %0 = torsh.mul %x, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
  let options = [
    Option<"fast", "fast", "bool", "false", "Also make replacements that change float rounding">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::torsh::TorshDialect"];
}

#endif // TORSH_SIMPLIFY_PASSES_TD
