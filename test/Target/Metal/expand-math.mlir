// RUN: torsh-opt %s --pass-pipeline="builtin.module(gpu.module(torsh-metal-expand-math))" --split-input-file --verify-diagnostics | FileCheck %s

// What the functions compute is tested in numbers (test/python/unit/test_metal_code.py).
// CHECK-LABEL: gpu.func @functions
// CHECK-NOT: math.{{exp|log|sin|cos|tan|pow|erf|atan|rsqrt|trunc|cttz}}
// CHECK-NOT: arith.{{remf|maximumf|floordivsi}}
// CHECK: gpu.return
gpu.module @m {
  gpu.func @functions(%x: memref<?xf32>, %y: memref<?xf16>, %k: memref<?xi32>, %i: index) kernel {
    %0 = memref.load %x[%i] : memref<?xf32>
    %1 = math.exp %0 : f32
    %2 = math.exp2 %1 : f32
    %3 = math.expm1 %2 : f32
    %4 = math.log %3 : f32
    %5 = math.log1p %4 : f32
    %6 = math.sin %5 : f32
    %7 = math.cos %6 : f32
    %8 = math.tanh %7 : f32
    %9 = math.erf %8 : f32
    %10 = math.atan2 %9, %0 : f32
    %11 = math.powf %10, %0 : f32
    %12 = math.trunc %11 : f32
    %13 = math.rsqrt %12 : f32
    %14 = arith.remf %13, %0 : f32
    %15 = arith.maximumf %14, %0 : f32
    memref.store %15, %x[%i] : memref<?xf32>
    %h0 = memref.load %y[%i] : memref<?xf16>
    %h1 = math.log2 %h0 : f16
    %h2 = arith.maximumf %h0, %h1 : f16
    memref.store %h2, %y[%i] : memref<?xf16>
    %k0 = memref.load %k[%i] : memref<?xi32>
    %k1 = math.cttz %k0 : i32
    %k2 = arith.floordivsi %k0, %k1 : i32
    memref.store %k2, %k[%i] : memref<?xi32>
    gpu.return
  }

  // What SPIR-V has, and is exact about, stays.
  // CHECK-LABEL: gpu.func @native
  // CHECK: math.sqrt
  // CHECK: math.roundeven
  // CHECK: math.absf
  gpu.func @native(%x: memref<?xf64>, %i: index) kernel {
    %0 = memref.load %x[%i] : memref<?xf64>
    %1 = math.sqrt %0 : f64
    %2 = math.roundeven %1 : f64
    %3 = math.absf %2 : f64
    memref.store %3, %x[%i] : memref<?xf64>
    gpu.return
  }
}
