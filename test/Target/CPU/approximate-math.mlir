// RUN: torsh-opt %s --torsh-cpu-approximate-math | FileCheck %s --check-prefixes=CHECK,SCALE
// RUN: torsh-opt %s --torsh-cpu-approximate-math=has-scale=false | FileCheck %s --check-prefixes=CHECK,PLAIN

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

// The exponential is scaled by one instruction where there is one.
// SCALE-LABEL: func.func @exponential
// SCALE-COUNT-9: math.fma
// SCALE: llvm.intr.ldexp
// PLAIN-LABEL: func.func @exponential
// PLAIN-NOT: llvm.intr.ldexp
// PLAIN: arith.shli
func.func @exponential(%x: f32) -> f32 {
  %0 = math.exp %x : f32
  return %0 : f32
}

// f64, and the functions of angles and powers, are arithmetic whose products and sums may be
// fused.
// CHECK-LABEL: func.func @f64
// CHECK-NOT: math.{{(exp|log|log1p|expm1|tanh|erf|sin|cos) }}
// CHECK: fastmath<contract> : f64
// CHECK: return
func.func @f64(%x: f64) -> f64 {
  %0 = math.exp %x : f64
  %1 = math.log %0 : f64
  %2 = math.log1p %1 : f64
  %3 = math.expm1 %2 : f64
  %4 = math.tanh %3 : f64
  %5 = math.erf %4 : f64
  %6 = math.sin %5 : f64
  %7 = math.cos %6 : f64
  return %7 : f64
}
// CHECK-LABEL: func.func @angles
// CHECK-NOT: math.{{(sin|cos|atan2|powf) }}
// CHECK: return
func.func @angles(%x: f32) -> f32 {
  %0 = math.sin %x : f32
  %1 = math.cos %0 : f32
  %2 = math.atan2 %1, %0 : f32
  %3 = math.powf %2, %1 : f32
  return %3 : f32
}

// Vectors as well.
// CHECK-LABEL: func.func @vectors
// SCALE: llvm.call_intrinsic "llvm.ldexp"
// CHECK-NOT: math.{{(exp|sin) }}
// CHECK: return
func.func @vectors(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.sin %0 : vector<16xf32>
  return %1 : vector<16xf32>
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
