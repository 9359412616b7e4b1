// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_CPU_PASSES_TD
#define TORSH_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def PackFixedOperandsPass : Pass<"torsh-cpu-pack-fixed-operands", "::mlir::ModuleOp"> {
  let summary = "Packs weights that are the same at every call by kernels of their own";
  let description = [{
    A contraction reads its operands from panels, and a kernel would pack its weights into
    them whenever it runs. Where every launch of a kernel gives it a fixed weight, a launch of a
    kernel that packs it comes before, which depends on nothing but the weight and is therefore
    executed once; the product reads the panels where they lie. Products that read their
    weights as they are stay: those of up to 16 rows, or of a number of rows that is not known.
    Small weights that lie along the depth are transposed for 2 to 12 rows, by the same means:
    the product then sums whole vectors of columns.

    The layout is that of the schedule: the kernel's own if it has one, else what
    `torsh-cpu-select-schedules` will choose, whose options these are.
  }];
  let options = [
    Option<"threads", "threads", "int64_t", "2", "Threads to make work for">,
    Option<"vectorBits", "vector-bits", "int64_t", "512", "Width of a vector register">,
    Option<"level1", "level1", "int64_t", "32768", "Bytes of a core's first cache">,
    Option<"level2", "level2", "int64_t", "1048576", "Bytes of a core's second cache">,
    ListOption<"dotFeatures", "dot-features", "std::string",
               "Features of the processor that have instructions for dot products">,
  ];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def SelectCPUSchedulesPass : Pass<"torsh-cpu-select-schedules", "::mlir::func::FuncOp"> {
  let summary = "Chooses the tile sizes of each kernel for the CPU";
  let description = [{
    A kernel that has a schedule keeps it. Others get one from their loops: small
    kernels are not tiled; contractions get blocks of rows and columns for the
    caches and a register tile for the vector width; the rest gets tiles of whole
    inner loops that fit the first cache. Results of kernels that move more than the
    last cache holds are written past the caches. The register tile of a contraction of bf16 or
    bytes has a third number where the processor has dot products of them: how many
    neighbours of the depth one instruction multiplies and adds.
  }];
  let options = [
    Option<"threads", "threads", "int64_t", "2", "Threads to make work for">,
    Option<"vectorBits", "vector-bits", "int64_t", "512", "Width of a vector register">,
    Option<"level1", "level1", "int64_t", "32768", "Bytes of a core's first cache">,
    Option<"level2", "level2", "int64_t", "1048576", "Bytes of a core's second cache">,
    Option<"lastLevelCache", "last-level-cache", "int64_t", "33554432",
           "Bytes of the cache that all threads share">,
    ListOption<"dotFeatures", "dot-features", "std::string",
               "Features of the processor that have instructions for dot products">,
  ];
}

def SplitReductionsPass : Pass<"torsh-cpu-split-reductions", "::mlir::func::FuncOp"> {
  let summary = "Reduces parts of a long axis apart, and what they give afterwards";
  let description = [{
    A reduction to fewer results than make work for every thread would run on one: a sum of
    all elements, or of the rows of a narrow matrix. Its outermost loop is cut into parts that
    are tiles of an `scf.forall`. How long they are depends on the shape alone, so the result
    does not depend on the number of threads; and since sums of parts are added,
    rounding errors grow with the length of a part, not of the axis.
  }];
  let options = [
    Option<"part", "part", "int64_t", "32768", "Elements that a part has at least">,
    Option<"mostRows", "most-rows", "int64_t", "16",
           "Results beyond which a reduction along memory is left whole">,
    Option<"mostColumns", "most-columns", "int64_t", "1024",
           "Results beyond which a reduction across memory is left whole">,
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def DivideByReciprocalsPass : Pass<"torsh-cpu-divide-by-reciprocals", "::mlir::func::FuncOp"> {
  let summary = "Divides by what a loop does not change with products";
  let description = [{
    A row of a softmax is divided by its sum: a vector division takes ten cycles where a
    product takes one. The reciprocal is computed in front of the loop, the product with it is
    corrected by one step of Markstein's, and the result is that of the division, but for subnormal
    ones, which may differ by their last bit. It holds for divisors between 1 and 2^60, so
    that the loop stands twice, and the divisor decides which one runs. Needs a fused product.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect"];
}

def PrefetchOperandsPass : Pass<"torsh-cpu-prefetch-operands", "::mlir::func::FuncOp"> {
  let summary = "Asks for the rows that come next while those at hand are computed with";
  let description = [{
    A kernel that goes over a row several times waits for memory at the first and leaves it idle at
    the others. Of the loops that read the rows of an argument, the one with the most to compute
    is cut into runs, and before each the same run of the next row is prefetched into the second
    cache.
  }];
  let options = [
    Option<"smallest", "smallest", "int64_t", "4194304",
           "Bytes of an argument from which its rows are prefetched">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def FindPositionsPass : Pass<"torsh-cpu-find-positions", "::mlir::func::FuncOp"> {
  let summary = "Finds the largest element of a row, then where it is";
  let description = [{
    `argmax` and `argmin` carry a value and its position from element to element, which LLVM
    does not vectorise along a row. Two reductions do: the value, and the least position at which
    it is. What they find is the same: the first of equal elements, and of NaNs.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
                           "::mlir::tensor::TensorDialect"];
}

def LowerCPUSignaturesPass : Pass<"torsh-cpu-lower-signatures", "::mlir::func::FuncOp"> {
  let summary = "Gives kernels bare pointers, extents and a worker";
  let description = [{
    Each memref argument becomes one without axes (a pointer), followed by all
    `?` extents in order, followed by the worker. The memrefs are rebuilt at the
    top of the kernel.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"];
}

def AllocateScratchPass : Pass<"torsh-cpu-allocate-scratch", "::mlir::func::FuncOp"> {
  let summary = "Places a kernel's buffers on the stack or in the worker's scratch memory";
  let description = [{
    Buffers move up to the top of their kernel or parallel loop where their
    extents allow it; small ones of static extents go on the stack.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::torsh::cpu::TorshCPUDialect"];
}

def OutlineParallelLoopsPass : Pass<"torsh-cpu-outline-parallel-loops", "::mlir::ModuleOp"> {
  let summary = "Moves each scf.forall into a function that the runtime calls for chunks";
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect", "::mlir::torsh::cpu::TorshCPUDialect"];
}

def ApproximateMathPass : Pass<"torsh-cpu-approximate-math", "::mlir::func::FuncOp"> {
  let summary = "Replaces transcendental functions by arithmetic that vectorises";
  let description = [{
    A call of the C library for each element would keep a loop from vectorising. What is
    computed is within two units in the last place for f32 and three for f64, exp of f32
    within 1.1 where the processor has AVX-512; test/python/conformance/float32 measures it.
  }];
  let options = [
    Option<"hasScale", "has-scale", "bool", "true",
           "Whether the processor scales vectors by powers of two, as AVX-512 does">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def ExpandHalvesPass : Pass<"torsh-cpu-expand-halves", "::mlir::func::FuncOp"> {
  let summary = "Converts from and to f16 and bf16 by integer instructions";
  let description = [{
    For processors without instructions for it, such as plain x86-64: LLVM would
    call functions of a compiler's library, which a process need not have.
  }];
  let options = [
    Option<"f16", "f16", "bool", "true", "Whether f16 is expanded">,
    Option<"bf16", "bf16", "bool", "true", "Whether bf16 is expanded">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def LowerDotProductsPass : Pass<"torsh-cpu-lower-dot-products", "::mlir::func::FuncOp"> {
  let summary = "Replaces small dot products of narrow elements by instructions";
  let description = [{
    The inner loops of contractions of bf16 and of bytes are `vector.contract`s of a row of
    two or four elements with each row of a matrix. They become instructions, such as
    `vdpbf16ps`, `vpdpbusd`, `vpmaddwd`, `sdot` and `bfdot`, by the table in `DotForms.cpp`,
    or, where the processor lacks those, a multiplication for each element.
  }];
  let options = [
    ListOption<"features", "features", "std::string",
               "Features of the processor that have instructions for dot products">,
    Option<"vectorBits", "vector-bits", "int64_t", "512", "Width of a vector register">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect"];
}

def InterleaveLoopsPass : Pass<"torsh-cpu-interleave-loops", "::mlir::func::FuncOp"> {
  let summary = "Has loops over long chains of operations compute several vectors side by side";
  let description = [{
    Each operation of a chain waits for the one before it. Where a chain is longer than the processor looks
    ahead, it does not find the next vector's operations meanwhile, and most of its units idle. Such a loop
    is marked for LLVM's vectoriser, which then puts as many vectors side by side as hide the waiting.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "512", "Width of a vector register">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ConvertCPUToLLVMPass : Pass<"torsh-cpu-convert-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Converts kernels to the LLVM dialect, each with an entry of the kernel ABI";
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // TORSH_CPU_PASSES_TD
