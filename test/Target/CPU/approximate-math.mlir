// RUN: torsh-opt %s --torsh-cpu-approximate-math | FileCheck %s

// A call of the C library for each element would keep a loop from vectorising.
// CHECK-LABEL: func.func @f32
// CHECK-NOT: math.{{(exp|log|log1p|expm1|tanh|erf) }}
// CHECK: math.fma
// CHECK: return
func.func @f32(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  %1 = math.log %0 : f32
  %2 = math.log1p %1 : f32
  %3 = math.expm1 %2 : f32
  %4 = math.tanh %3 : f32
  %5 = math.erf %4 : f32
  return %5 : f32
}

// The polynomials have the precision of f32.
// CHECK-LABEL: func.func @f64
// CHECK: math.exp %{{.*}} : f64
func.func @f64(%x: f64) -> f64 {
  %0 = math.exp %x : f64
  return %0 : f64
}

// One instruction, or none to better.
// CHECK-LABEL: func.func @exact
// CHECK: math.sqrt
// CHECK: math.floor
func.func @exact(%x: f32) -> f32 {
  %0 = math.sqrt %x : f32
  %1 = math.floor %0 : f32
  return %1 : f32
}
