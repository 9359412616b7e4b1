// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_GPU_PASSES_TD
#define TORSH_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

// What a target says of its device, as DeviceTraits has it.
defvar deviceOptions = [
  Option<"maxThreads", "max-threads", "int64_t", "256", "Threads of a block at most">,
  Option<"workgroupBytes", "workgroup-bytes", "int64_t", "32768",
         "Workgroup memory of a block at most">,
  Option<"subgroupSize", "subgroup-size", "int64_t", "0",
         "Threads that exchange values by shuffles; 0: none do">,
  Option<"vectorBytes", "vector-bytes", "int64_t", "0",
         "Bytes that one access of a thread moves at best; 0: as they come">,
  Option<"unroll", "unroll", "int64_t", "4",
         "Elements of a row up to which the loops of a thread are unrolled">];

def SelectGPUSchedulesPass : Pass<"torsh-gpu-select-schedules", "::mlir::func::FuncOp"> {
  let summary = "Chooses how each kernel is spread over blocks of threads";
  let description = [{
    Gives every kernel without a schedule one: threads of a block; the lanes that
    share a row or column of a reduction; the tile that a block computes of a product
    of matrices, and the part of it that is a thread's; the neighbouring elements
    that a thread takes at a time. A schedule that names its threads was set by a tuner
    or a user, and stays as it is; one that does not is replaced as a whole.
  }];
  let options = deviceOptions;
}

def LowerKernelsToGPUPass : Pass<"torsh-lower-kernels-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Turns each kernel into a gpu function over blocks and threads";
  let description = [{
    A kernel becomes a `gpu.module` with one `gpu.func`, or several that differ in what
    they ask of their arguments, the most demanding first. Memory is flat (row-major),
    bools are bytes; dynamic extents follow the memory. The kernel's class decides on
    the code: each element by itself (elementwise, movement); groups of threads that
    share rows or columns (reductions); tiles of workgroup memory (contractions and
    convolutions). Nothing has to be a multiple of anything. Other functions go.

    ```mlir
    gpu.module @sum_kernel {
      gpu.func @torsh_kernel_sum(%x: memref<?xf32>, %out: memref<?xf32>, %rows: index) kernel
          attributes {known_block_size = array<i32: 256, 1, 1>, torsh.kernel = "sum",
                      torsh.grid = [array<i64: 8, -1>]}
    ```
    `torsh.grid` is a product: of ceil(product of extents / per), a row [per, extents...]
    for each factor, an extent below 0 being that of the dynamic ones with the number
    -1 - extent. Any other number of blocks is right as well.
  }];
  let options = deviceOptions;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::affine::AffineDialect"];
}

#endif // TORSH_GPU_PASSES_TD
