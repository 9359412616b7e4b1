// RUN: torsh-opt %s --pass-pipeline="builtin.module(gpu.module(gpu.func(torsh-cuda-expand-math)))" | FileCheck %s --check-prefixes=CHECK,EXACT
// RUN: torsh-opt %s --pass-pipeline="builtin.module(gpu.module(gpu.func(torsh-cuda-expand-math{fast})))" | FileCheck %s --check-prefixes=CHECK,FAST

gpu.module @module {
  // Infinities would become NaN in the reduction: the argument is clamped, which
  // leaves NaN alone.
  // CHECK-LABEL: gpu.func @exp
  // EXACT: arith.minimumf
  // EXACT: arith.maximumf
  // EXACT: %[[N:.+]] = math.floor
  // EXACT: math.fma
  // EXACT: %[[F:.+]] = math.fma
  // EXACT: math.exp2 %[[F]]
  // EXACT: math.exp2 %[[N]]
  // FAST: arith.constant 1.44269502
  // FAST: arith.mulf
  // FAST-NEXT: math.exp2
  // FAST-NEXT: memref.store
  // CHECK: return
  gpu.func @exp(%x: memref<f32>) kernel {
    %v = memref.load %x[] : memref<f32>
    %e = math.exp %v : f32
    memref.store %e, %x[] : memref<f32>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @polynomials
  // CHECK-NOT: math.{{(log|log1p|expm1|erf) }}
  // EXACT-NOT: math.tanh
  // FAST: math.tanh %{{.*}} fastmath<arcp,afn>
  // CHECK: return
  gpu.func @polynomials(%x: memref<f32>) kernel {
    %v = memref.load %x[] : memref<f32>
    %0 = math.log %v : f32
    %1 = math.log1p %0 : f32
    %2 = math.expm1 %1 : f32
    %3 = math.tanh %2 : f32
    %4 = math.erf %3 : f32
    memref.store %4, %x[] : memref<f32>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @rsqrt
  // EXACT: math.sqrt %{{.*}} : f32
  // EXACT: arith.divf %{{.*}} : f32
  // FAST: math.sqrt %{{.*}} fastmath<arcp,afn>
  // FAST: arith.divf %{{.*}} fastmath<arcp,afn>
  gpu.func @rsqrt(%x: memref<f32>) kernel {
    %v = memref.load %x[] : memref<f32>
    %0 = math.rsqrt %v : f32
    memref.store %0, %x[] : memref<f32>
    gpu.return
  }

  // The instructions and the polynomials are those of f32.
  // CHECK-LABEL: gpu.func @f64
  // CHECK: math.exp %{{.*}} : f64
  // CHECK: arith.divf %{{.*}} : f64
  gpu.func @f64(%x: memref<f64>) kernel {
    %v = memref.load %x[] : memref<f64>
    %0 = math.exp %v : f64
    %1 = arith.divf %0, %v : f64
    memref.store %1, %x[] : memref<f64>
    gpu.return
  }
}
