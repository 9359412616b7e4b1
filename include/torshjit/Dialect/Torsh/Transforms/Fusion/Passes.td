// SPDX-License-Identifier: Apache-2.0
// The passes of the kernels phase, in the order in which the phase runs them.

#ifndef TORSH_FUSION_PASSES_TD
#define TORSH_FUSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def MergeSiblingProductsPass : Pass<"torsh-merge-sibling-products", "::mlir::ModuleOp"> {
  let summary = "products of one tensor by several fixed weights become one";
  let description = [{
    Products (`torsh.linear`, or `torsh.matmul` by a matrix) of the same tensor become one product
    by their weights side by side, and their readers read slices of its result: the queries, keys
    and values of attention. The tensor is then packed once, and threads are started and awaited
    once. It is done where the weights are fixed, so that they are joined once, when the program
    is loaded, and where every reader takes a slice as it lies: attention, elementwise operations
    behind a division into heads, movements. A product with an elementwise operation behind it
    keeps this in its own kernel instead, and stays apart.

    What was decided, and why, goes to `siblings` of the module's attribute
    `torsh.fusion_report`. The strategies `none`, `conservative` and `custom` merge nothing.

    ```mlir
    %q = torsh.linear %x, %w0 : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
    %k = torsh.linear %x, %w1 : (tensor<16x64xf32>, tensor<64x64xf32>) -> tensor<16x64xf32>
    // becomes
    %w = torsh.concat %w0, %w1 {axis = 0 : i64} : ...
    %qk = torsh.linear %x, %w : (tensor<16x64xf32>, tensor<128x64xf32>) -> tensor<16x128xf32>
    %q = torsh.slice %qk {start = array<i64: 0, 0>, stop = array<i64: 16, 64>, ...} : ...
    ```
  }];
  let dependentDialects = ["::mlir::torsh::TorshDialect"];
  let options = [
    Option<"strategy", "strategy", "std::string", /*default=*/"\"default\"",
           "as of torsh-form-groups">,
  ];
  let statistics = [Statistic<"numMerged", "num-merged", "Products that are part of a wider one">];
}

def SplitDepthPass : Pass<"torsh-split-depth", "::mlir::ModuleOp"> {
  let summary = "small products of great depth become several products and their sum";
  let description = [{
    A product of few rows and columns is one tile, one thread's work, however deep it is. Where it
    is much deeper than wide, the depth is cut into up to sixteen equal parts, whose products are
    one batch, and their results are added in order. The parts depend on the extents alone, so
    that results do not depend on the machine. The strategies `none`, `conservative` and
    `custom` split nothing.

    ```mlir
    %0 = torsh.matmul %x, %y : (tensor<32x160000xf32>, tensor<160000x32xf32>) -> tensor<32x32xf32>
    // becomes
    %1 = torsh.reshape %x : (tensor<32x160000xf32>) -> tensor<32x16x10000xf32>
    %2 = torsh.permute %1 {permutation = array<i64: 1, 0, 2>} : ...
    %3 = torsh.reshape %y : (tensor<160000x32xf32>) -> tensor<16x10000x32xf32>
    %4 = torsh.matmul %2, %3 : (tensor<16x32x10000xf32>, tensor<16x10000x32xf32>) -> tensor<16x32x32xf32>
    %0 = torsh.sum %4 {axes = array<i64: 0>, keepdims = false} : (tensor<16x32x32xf32>) -> tensor<32x32xf32>
    ```
  }];
  let dependentDialects = ["::mlir::torsh::TorshDialect"];
  let options = [
    Option<"strategy", "strategy", "std::string", /*default=*/"\"default\"",
           "as of torsh-form-groups">,
  ];
  let statistics = [Statistic<"numSplit", "num-split", "Products that were split">];
}

def InsertExtentChecksPass : Pass<"torsh-insert-extent-checks", "::mlir::ModuleOp"> {
  let summary = "check at the entry of a function what only a running program can tell";
  let description = [{
    The verifiers check static extents. What an operation requires of a `?` becomes
    a `torsh.check` at the entry of its function, in terms of the extents of the
    function's arguments: extents that must agree, reshapes that must keep the number
    of elements, slices and windows that must fit. Requirements that hold anyway, and
    those that earlier checks imply, are dropped.
    ```mlir
    func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
      %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    // becomes
      %d0 = tensor.dim %x, %c0 : tensor<?xf32>
      %d1 = tensor.dim %y, %c0 : tensor<?xf32>
      torsh.check eq, %d0, %d1, "torsh.add: extents of operands 0 and 1 differ: axis 0 and axis 0"
      %0 = torsh.add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def FormGroupsPass : Pass<"torsh-form-groups", "::mlir::ModuleOp"> {
  let summary = "decide which operations become one kernel";
  let description = [{
    Every operation that computes gets the attribute `torsh.group`: operations with
    one number become one kernel. Views (`torsh.reshape`) and constants get none. A
    group is convex, lies in one block and has at most `max-size` operations. What was
    decided and why goes to the module's attribute `torsh.fusion_report` (JSON text).

    `strategy` is one of
    * `none`: every operation is its own group;
    * `conservative`: chains of elementwise operations with one use each, and
      contractions with bias and activation;
    * `default`: also values with several uses, reductions with the elementwise
      operations before and after them, residual operands, pools with what follows,
      and movements that are index maps of an elementwise operation;
    * `aggressive`: also reductions over other than the last axes as one group with
      what follows, cheap producers computed once per consumer, and siblings that
      read the same value;
    * `custom`: only what `choices` say.

    `choices` decide of single edges, `producer->consumer=never` or `=always` by the
    names of operations (`*` for any), the last that fits counting. `always` overrides
    what pays, not what a kernel can be.

    ```mlir
    %0 = torsh.matmul %x, %w {torsh.group = 0 : i64} : ...
    %1 = torsh.relu %0 {torsh.group = 0 : i64} : ...
    ```
  }];
  let options = [
    Option<"strategy", "strategy", "std::string", /*default=*/"\"default\"",
           "none, conservative, default, aggressive or custom">,
    Option<"maxSize", "max-size", "int64_t", /*default=*/"256",
           "the largest number of operations in a group">,
    ListOption<"choices", "choices", "std::string",
               "what is decided of single edges: matmul->relu=never, add->*=always">,
  ];
}

def OutlineKernelsPass : Pass<"torsh-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "make each fusion group a kernel, and the function a list of launches";
  let description = [{
    Needs `torsh.group` on every operation that computes (`torsh-form-groups`). After
    it a function holds its constants, launches, reshapes (free views), checks, and
    index computations in terms of its arguments' extents. Kernels take tensors only:
    a size that an operation of the group needs is computed in the kernel, from the
    extents of its inputs. Small and splat constants are copied into the kernels.
    ```mlir
    torsh.kernel @add_relu(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>) -> tensor<?xf32>
        attributes {kind = #torsh.kind<elementwise>} { ... }
    func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
      %d = tensor.dim %x, %c0 : tensor<?xf32>
      %0 = torsh.launch @add_relu(%x, %y) sizes(%d) : ...
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def MergeEqualKernelsPass : Pass<"torsh-merge-equal-kernels", "::mlir::ModuleOp"> {
  let summary = "keep one of the kernels that differ only in name and location";
  let description = [{
    Twelve equal transformer layers become one set of kernels, launched twelve times.
    Kernels are equal when bodies, types, kinds, schedules and attributes are. The
    first one in the module stays; launches and the fusion report follow.
  }];
}

def MarkOncePass : Pass<"torsh-mark-once", "::mlir::ModuleOp"> {
  let summary = "launches that only fixed values reach run once";
  let description = [{
    A launch whose inputs are constants, arguments with the attribute `torsh.frozen`, or
    results of such launches gives the same at every call (`isFixed`): it gets the attribute
    `torsh.once`, and runs when the program is loaded. Results of extents that only a call tells are not
    fixed; calls of the host and assertions stay where they are.

    A launch that writes a result of the program and does no more for each element than
    copying it would is left: every call needs that memory written anyway.

    Ends the phase `linalg`, since passes before it may split off work on weights.
    ```mlir
    func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x8xf32> {torsh.frozen}) -> tensor<4x8xf32> {
      %0 = torsh.launch @pack(%w) {torsh.once} : (tensor<8x8xf32>) -> tensor<8x8xf32>
      %1 = torsh.launch @matmul(%x, %0) : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    ```
  }];
}

def VerifyKernelsPass : Pass<"torsh-verify-kernels", "::mlir::ModuleOp"> {
  let summary = "the contract of the kernels phase";
  let description = [{
    Functions hold one block of launches, constants, reshapes, checks, and index
    computations over the extents of their arguments. Kernels have a kind, are
    launched, and hold `torsh` operations that are not composite, and index
    computations. An error names the operation that breaks this.
  }];
}

#endif // TORSH_FUSION_PASSES_TD
