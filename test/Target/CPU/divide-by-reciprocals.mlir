// RUN: torsh-opt %s --torsh-cpu-divide-by-reciprocals | FileCheck %s

// The divisor is loaded in front of the loop, and says which copy of it runs.
// CHECK-LABEL: func.func @row
// CHECK: %[[DIVISOR:.*]] = memref.load %arg1[] : memref<f32>
// CHECK: %[[RECIPROCAL:.*]] = arith.divf %{{.*}}, %[[DIVISOR]]
// CHECK: math.absf %[[DIVISOR]]
// CHECK: scf.if
// CHECK-NEXT: scf.for
// CHECK: %[[X:.*]] = memref.load %arg0
// CHECK: %[[NEAR:.*]] = arith.mulf %[[X]], %[[RECIPROCAL]]
// CHECK: %[[MINUS:.*]] = arith.negf %[[NEAR]]
// CHECK: %[[REST:.*]] = math.fma %[[MINUS]], %[[DIVISOR]], %[[X]]
// CHECK: %[[QUOTIENT:.*]] = math.fma %[[REST]], %[[RECIPROCAL]], %[[NEAR]]
// CHECK: %[[OTHER:.*]] = arith.cmpf one, %[[QUOTIENT]], %[[NEAR]]
// CHECK: arith.select %[[OTHER]], %[[QUOTIENT]], %[[NEAR]]
// CHECK: } else {
// CHECK: arith.divf
func.func @row(%x: memref<4096xf32>, %s: memref<f32>, %y: memref<4096xf32>) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 4096 : index
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.load %x[%i] : memref<4096xf32>
    %b = memref.load %s[] : memref<f32>
    %q = arith.divf %a, %b : f32
    memref.store %q, %y[%i] : memref<4096xf32>
  }
  return
}

// The divisor is computed of what the loop does not change; what the loop carries goes through both
// copies.
// CHECK-LABEL: func.func @carried
// CHECK: arith.extf %arg1
// CHECK: %[[SUM:.*]] = scf.if %{{.*}} -> (f32)
// CHECK: math.fma
// CHECK: return %[[SUM]]
func.func @carried(%x: memref<?xf32>, %s: f16, %n: index) -> f32 attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %zero) -> (f32) {
    %a = memref.load %x[%i] : memref<?xf32>
    %b = arith.extf %s : f16 to f32
    %q = arith.divf %a, %b : f32
    %next = arith.addf %sum, %q : f32
    scf.yield %next : f32
  }
  return %0 : f32
}

// The loop writes to the memory that its divisor is in; it is short; or the type is not one of
// a fused product.
// CHECK-LABEL: func.func @left
// CHECK-NOT: math.fma
// CHECK: return
func.func @left(%x: memref<4096xf32>, %s: memref<4096xf32>, %h: memref<4096xf16>, %t: f16) attributes {torsh.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %few = arith.constant 16 : index
  %n = arith.constant 4096 : index
  %part = memref.subview %s[0] [1] [1] : memref<4096xf32> to memref<1xf32, strided<[1]>>
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.load %x[%i] : memref<4096xf32>
    %b = memref.load %part[%c0] : memref<1xf32, strided<[1]>>
    %q = arith.divf %a, %b : f32
    memref.store %q, %s[%i] : memref<4096xf32>
  }
  %d = memref.load %s[%c0] : memref<4096xf32>
  scf.for %i = %c0 to %few step %c1 {
    %a = memref.load %x[%i] : memref<4096xf32>
    %q = arith.divf %a, %d : f32
    memref.store %q, %x[%i] : memref<4096xf32>
  }
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.load %h[%i] : memref<4096xf16>
    %q = arith.divf %a, %t : f16
    memref.store %q, %h[%i] : memref<4096xf16>
  }
  return
}
