// RUN: torsh-opt %s --torsh-cpu-expand-halves | FileCheck %s
// RUN: torsh-opt %s --torsh-cpu-expand-halves=f16=false | FileCheck %s --check-prefix=BF16

// CHECK-LABEL: func.func @there_and_back
// CHECK-NOT: arith.extf
// CHECK: arith.subf {{.*}} : vector<16xf32>
// CHECK: arith.negf
// CHECK: arith.addf {{.*}} : vector<16xf32>
// CHECK-NOT: arith.truncf
// CHECK: return
func.func @there_and_back(%x: vector<16xf16>) -> vector<16xf16> {
  %0 = arith.extf %x : vector<16xf16> to vector<16xf32>
  %negative = arith.negf %0 : vector<16xf32>
  %1 = arith.truncf %negative : vector<16xf32> to vector<16xf16>
  return %1 : vector<16xf16>
}

// Integers go by f32.
// CHECK-LABEL: func.func @integers
// CHECK: arith.sitofp %{{.*}} : i64 to f32
// CHECK: arith.fptoui %{{.*}} : f32 to i8
func.func @integers(%x: i64) -> i8 {
  %0 = arith.sitofp %x : i64 to f16
  %1 = arith.fptoui %0 : f16 to i8
  return %1 : i8
}

// CHECK-LABEL: func.func @wide
// CHECK: arith.extf %{{.*}} : f32 to f64
// CHECK: arith.cmpf olt, %{{.*}} : f32
func.func @wide(%x: f16, %y: f16) -> (f64, i1) {
  %0 = arith.extf %x : f16 to f64
  %1 = arith.cmpf olt, %x, %y : f16
  return %0, %1 : f64, i1
}

// BF16-LABEL: func.func @there_and_back
// BF16: arith.extf
// BF16: arith.truncf

// CHECK-LABEL: func.func @brain
// CHECK-NOT: arith.truncf
// CHECK-NOT: arith.extf
// CHECK: return
// BF16-LABEL: func.func @brain
// BF16-NOT: arith.truncf
// BF16-NOT: arith.extf
func.func @brain(%x: vector<16xbf16>, %n: i32) -> (vector<16xbf16>, bf16) {
  %0 = arith.extf %x : vector<16xbf16> to vector<16xf32>
  %1 = arith.negf %0 : vector<16xf32>
  %2 = arith.truncf %1 : vector<16xf32> to vector<16xbf16>
  %3 = arith.sitofp %n : i32 to bf16
  return %2, %3 : vector<16xbf16>, bf16
}
