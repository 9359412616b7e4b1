// SPDX-License-Identifier: Apache-2.0

#ifndef TORSH_METAL_PASSES_TD
#define TORSH_METAL_PASSES_TD

include "mlir/Pass/PassBase.td"

def RefuseFloat64Pass : Pass<"torsh-metal-refuse-float64", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Fails where a kernel holds f64, which Metal does not have";
}

def ExpandMetalMathPass : Pass<"torsh-metal-expand-math", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Replaces mathematical functions by arithmetic";
  let description = [{
    SPIR-V has no erf, expm1, log1p, atan2 or exact remainder, and leaves the
    accuracy of those it has (exp, log, sin, pow) to the device: all of them become
    polynomials of a few units in the last place, on f32 and f64, whether or not the
    device contracts a product and a sum. They need a device that does not reassociate.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect"];
}

def LowerBFloat16Pass : Pass<"torsh-metal-lower-bfloat16", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Stores bf16 as i16 and computes it as f32";
  let description = [{
    Neither SPIR-V 1.3 nor MSL 2.3 has the type. Rounding is to nearest even; a NaN
    stays one.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def GuardArithmeticPass : Pass<"torsh-metal-guard-arithmetic", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Writes arithmetic so that drivers which simplify it wrongly cannot";
  let description = [{
    Some drivers (lavapipe of Mesa 22 among them) take x * 0 for 0, also where x is not a
    number, x + 0 for x, also where x is -0, and compare a widened integer with a constant
    in the narrow type without looking whether that holds it. Zeros in products and sums
    become values that only the launch decides; comparisons are made in the narrow type,
    or decided, here.

    ```mlir
    %w = arith.extsi %x : i32 to i64
    %c = arith.cmpi slt, %w, %c5 : i64     // becomes arith.cmpi slt, %x, %c5_i32 : i32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SaturateIndicesPass : Pass<"torsh-metal-saturate-indices", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Keeps positions out of range that an index of 32 bits would bring back into it";
  let description = [{
    An index has 32 bits on these targets. Positions that are data, of more bits or
    unsigned, are cut to the ends of its range, which are beyond every extent, so that
    what is out of range stays so.

    ```mlir
    %i = arith.index_cast %x : i64 to index   // of min(max(%x, -2^31), 2^31 - 1)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def LowerMetalSignaturesPass : Pass<"torsh-metal-lower-signatures", "::mlir::ModuleOp"> {
  let summary = "Gives kernels the parameters, memory and modules that SPIR-V wants";
  let description = [{
    Each kernel comes to a gpu.module of its own (SPIRV-Cross translates one entry
    of a module). Its extents become one buffer of i32 after the operands; workgroup
    and private attributions become allocations; memory spaces become storage
    classes; the size of the block becomes the entry's ABI.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::spirv::SPIRVDialect"];
}

def ConvertDeviceToSPIRVPass : Pass<"torsh-metal-convert-to-spirv", "::mlir::ModuleOp"> {
  let summary = "Converts each gpu.module to a spirv.module";
  let description = [{
    MLIR's conversions of arith, gpu, math, memref and scf, with our own where those
    are missing or wrong. Loops have to be scf.while: MLIR 22.1 loses the initial
    values of an scf.for that runs no iteration.
  }];
  let dependentDialects = ["::mlir::spirv::SPIRVDialect"];
}

def DecorateSPIRVPass : Pass<"torsh-metal-decorate-spirv", "::mlir::spirv::ModuleOp"> {
  let summary = "Says which buffers are read only and which arithmetic is exact";
  let description = [{
    A buffer that nothing is stored to is NonWritable. With `exact`, arithmetic on
    floats is NoContraction, which keeps drivers from simplifying it: our
    expansions compute rounding errors, as (1 + x) - 1. SPIRV-Cross makes calls of
    it that no compiler optimises, so Metal's compiler is asked for safe mathematics
    instead.
  }];
  let options = [
    Option<"exact", "exact", "bool", "true", "Whether arithmetic is NoContraction">];
}

#endif // TORSH_METAL_PASSES_TD
