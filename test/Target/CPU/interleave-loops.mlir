// RUN: torsh-opt %s --torsh-cpu-interleave-loops | FileCheck %s
// RUN: torsh-opt %s --torsh-cpu-interleave-loops=vector-bits=128 | FileCheck %s --check-prefix=NARROW

// CHECK: #[[FOUR:.+]] = #llvm.loop_interleave<count = 4 : i32>
// CHECK: #[[MARK:.+]] = #llvm.loop_annotation<interleave = #[[FOUR]]>

// 64 multiplications, one after another, of each of 256 elements: four vectors of 16.
// CHECK-LABEL: func.func @chain(
// CHECK: } {llvm.loop_annotation = #[[MARK]]}
func.func @chain(%from: memref<256xf32>, %to: memref<256xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %from[%i] : memref<256xf32>
    %0 = arith.mulf %x, %x : f32
    %1 = arith.mulf %0, %0 : f32
    %2 = arith.mulf %1, %1 : f32
    %3 = arith.mulf %2, %2 : f32
    %4 = arith.mulf %3, %3 : f32
    %5 = arith.mulf %4, %4 : f32
    %6 = arith.mulf %5, %5 : f32
    %7 = arith.mulf %6, %6 : f32
    %8 = arith.mulf %7, %7 : f32
    %9 = arith.mulf %8, %8 : f32
    %10 = arith.mulf %9, %9 : f32
    %11 = arith.mulf %10, %10 : f32
    %12 = arith.mulf %11, %11 : f32
    %13 = arith.mulf %12, %12 : f32
    %14 = arith.mulf %13, %13 : f32
    %15 = arith.mulf %14, %14 : f32
    %16 = arith.mulf %15, %15 : f32
    %17 = arith.mulf %16, %16 : f32
    %18 = arith.mulf %17, %17 : f32
    %19 = arith.mulf %18, %18 : f32
    %20 = arith.mulf %19, %19 : f32
    %21 = arith.mulf %20, %20 : f32
    %22 = arith.mulf %21, %21 : f32
    %23 = arith.mulf %22, %22 : f32
    %24 = arith.mulf %23, %23 : f32
    %25 = arith.mulf %24, %24 : f32
    %26 = arith.mulf %25, %25 : f32
    %27 = arith.mulf %26, %26 : f32
    %28 = arith.mulf %27, %27 : f32
    %29 = arith.mulf %28, %28 : f32
    %30 = arith.mulf %29, %29 : f32
    %31 = arith.mulf %30, %30 : f32
    %32 = arith.mulf %31, %31 : f32
    %33 = arith.mulf %32, %32 : f32
    %34 = arith.mulf %33, %33 : f32
    %35 = arith.mulf %34, %34 : f32
    %36 = arith.mulf %35, %35 : f32
    %37 = arith.mulf %36, %36 : f32
    %38 = arith.mulf %37, %37 : f32
    %39 = arith.mulf %38, %38 : f32
    %40 = arith.mulf %39, %39 : f32
    %41 = arith.mulf %40, %40 : f32
    %42 = arith.mulf %41, %41 : f32
    %43 = arith.mulf %42, %42 : f32
    %44 = arith.mulf %43, %43 : f32
    %45 = arith.mulf %44, %44 : f32
    %46 = arith.mulf %45, %45 : f32
    %47 = arith.mulf %46, %46 : f32
    %48 = arith.mulf %47, %47 : f32
    %49 = arith.mulf %48, %48 : f32
    %50 = arith.mulf %49, %49 : f32
    %51 = arith.mulf %50, %50 : f32
    %52 = arith.mulf %51, %51 : f32
    %53 = arith.mulf %52, %52 : f32
    %54 = arith.mulf %53, %53 : f32
    %55 = arith.mulf %54, %54 : f32
    %56 = arith.mulf %55, %55 : f32
    %57 = arith.mulf %56, %56 : f32
    %58 = arith.mulf %57, %57 : f32
    %59 = arith.mulf %58, %58 : f32
    %60 = arith.mulf %59, %59 : f32
    %61 = arith.mulf %60, %60 : f32
    %62 = arith.mulf %61, %61 : f32
    %63 = arith.mulf %62, %62 : f32
    memref.store %63, %to[%i] : memref<256xf32>
  }
  return
}

// The processor finds the next elements of a short one.
// CHECK-LABEL: func.func @short(
// CHECK-NOT: loop_annotation
// CHECK: return
func.func @short(%from: memref<256xf32>, %to: memref<256xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %from[%i] : memref<256xf32>
    %0 = arith.mulf %x, %x : f32
    %1 = arith.mulf %0, %0 : f32
    %2 = arith.mulf %1, %1 : f32
    %3 = arith.mulf %2, %2 : f32
    %4 = arith.mulf %3, %3 : f32
    %5 = arith.mulf %4, %4 : f32
    %6 = arith.mulf %5, %5 : f32
    %7 = arith.mulf %6, %6 : f32
    %8 = arith.mulf %7, %7 : f32
    %9 = arith.mulf %8, %8 : f32
    %10 = arith.mulf %9, %9 : f32
    %11 = arith.mulf %10, %10 : f32
    %12 = arith.mulf %11, %11 : f32
    %13 = arith.mulf %12, %12 : f32
    %14 = arith.mulf %13, %13 : f32
    %15 = arith.mulf %14, %14 : f32
    %16 = arith.mulf %15, %15 : f32
    %17 = arith.mulf %16, %16 : f32
    %18 = arith.mulf %17, %17 : f32
    %19 = arith.mulf %18, %18 : f32
    memref.store %19, %to[%i] : memref<256xf32>
  }
  return
}

// Four vectors would leave nearly all of 70 elements to the remainder.
// CHECK-LABEL: func.func @few(
// CHECK-NOT: loop_annotation
// CHECK: return
// NARROW-LABEL: func.func @few(
// NARROW: loop_annotation
func.func @few(%from: memref<70xf32>, %to: memref<70xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 70 : index
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %from[%i] : memref<70xf32>
    %0 = arith.mulf %x, %x : f32
    %1 = arith.mulf %0, %0 : f32
    %2 = arith.mulf %1, %1 : f32
    %3 = arith.mulf %2, %2 : f32
    %4 = arith.mulf %3, %3 : f32
    %5 = arith.mulf %4, %4 : f32
    %6 = arith.mulf %5, %5 : f32
    %7 = arith.mulf %6, %6 : f32
    %8 = arith.mulf %7, %7 : f32
    %9 = arith.mulf %8, %8 : f32
    %10 = arith.mulf %9, %9 : f32
    %11 = arith.mulf %10, %10 : f32
    %12 = arith.mulf %11, %11 : f32
    %13 = arith.mulf %12, %12 : f32
    %14 = arith.mulf %13, %13 : f32
    %15 = arith.mulf %14, %14 : f32
    %16 = arith.mulf %15, %15 : f32
    %17 = arith.mulf %16, %16 : f32
    %18 = arith.mulf %17, %17 : f32
    %19 = arith.mulf %18, %18 : f32
    %20 = arith.mulf %19, %19 : f32
    %21 = arith.mulf %20, %20 : f32
    %22 = arith.mulf %21, %21 : f32
    %23 = arith.mulf %22, %22 : f32
    %24 = arith.mulf %23, %23 : f32
    %25 = arith.mulf %24, %24 : f32
    %26 = arith.mulf %25, %25 : f32
    %27 = arith.mulf %26, %26 : f32
    %28 = arith.mulf %27, %27 : f32
    %29 = arith.mulf %28, %28 : f32
    %30 = arith.mulf %29, %29 : f32
    %31 = arith.mulf %30, %30 : f32
    %32 = arith.mulf %31, %31 : f32
    %33 = arith.mulf %32, %32 : f32
    %34 = arith.mulf %33, %33 : f32
    %35 = arith.mulf %34, %34 : f32
    %36 = arith.mulf %35, %35 : f32
    %37 = arith.mulf %36, %36 : f32
    %38 = arith.mulf %37, %37 : f32
    %39 = arith.mulf %38, %38 : f32
    %40 = arith.mulf %39, %39 : f32
    %41 = arith.mulf %40, %40 : f32
    %42 = arith.mulf %41, %41 : f32
    %43 = arith.mulf %42, %42 : f32
    %44 = arith.mulf %43, %43 : f32
    %45 = arith.mulf %44, %44 : f32
    %46 = arith.mulf %45, %45 : f32
    %47 = arith.mulf %46, %46 : f32
    %48 = arith.mulf %47, %47 : f32
    %49 = arith.mulf %48, %48 : f32
    %50 = arith.mulf %49, %49 : f32
    %51 = arith.mulf %50, %50 : f32
    %52 = arith.mulf %51, %51 : f32
    %53 = arith.mulf %52, %52 : f32
    %54 = arith.mulf %53, %53 : f32
    %55 = arith.mulf %54, %54 : f32
    %56 = arith.mulf %55, %55 : f32
    %57 = arith.mulf %56, %56 : f32
    %58 = arith.mulf %57, %57 : f32
    %59 = arith.mulf %58, %58 : f32
    %60 = arith.mulf %59, %59 : f32
    %61 = arith.mulf %60, %60 : f32
    %62 = arith.mulf %61, %61 : f32
    %63 = arith.mulf %62, %62 : f32
    memref.store %63, %to[%i] : memref<70xf32>
  }
  return
}

// Operations that wait for nothing fill the units as they are.
// CHECK-LABEL: func.func @broad(
// CHECK-NOT: loop_annotation
// CHECK: return
func.func @broad(%from: memref<256xf32>, %to: memref<256xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %from[%i] : memref<256xf32>
    %m0 = arith.mulf %x, %x : f32
    %m1 = arith.mulf %x, %x : f32
    %m2 = arith.mulf %x, %x : f32
    %m3 = arith.mulf %x, %x : f32
    %m4 = arith.mulf %x, %x : f32
    %m5 = arith.mulf %x, %x : f32
    %m6 = arith.mulf %x, %x : f32
    %m7 = arith.mulf %x, %x : f32
    %m8 = arith.mulf %x, %x : f32
    %m9 = arith.mulf %x, %x : f32
    %m10 = arith.mulf %x, %x : f32
    %m11 = arith.mulf %x, %x : f32
    %m12 = arith.mulf %x, %x : f32
    %m13 = arith.mulf %x, %x : f32
    %m14 = arith.mulf %x, %x : f32
    %m15 = arith.mulf %x, %x : f32
    %m16 = arith.mulf %x, %x : f32
    %m17 = arith.mulf %x, %x : f32
    %m18 = arith.mulf %x, %x : f32
    %m19 = arith.mulf %x, %x : f32
    %m20 = arith.mulf %x, %x : f32
    %m21 = arith.mulf %x, %x : f32
    %m22 = arith.mulf %x, %x : f32
    %m23 = arith.mulf %x, %x : f32
    %m24 = arith.mulf %x, %x : f32
    %m25 = arith.mulf %x, %x : f32
    %m26 = arith.mulf %x, %x : f32
    %m27 = arith.mulf %x, %x : f32
    %m28 = arith.mulf %x, %x : f32
    %m29 = arith.mulf %x, %x : f32
    %m30 = arith.mulf %x, %x : f32
    %m31 = arith.mulf %x, %x : f32
    %m32 = arith.mulf %x, %x : f32
    %m33 = arith.mulf %x, %x : f32
    %m34 = arith.mulf %x, %x : f32
    %m35 = arith.mulf %x, %x : f32
    %m36 = arith.mulf %x, %x : f32
    %m37 = arith.mulf %x, %x : f32
    %m38 = arith.mulf %x, %x : f32
    %m39 = arith.mulf %x, %x : f32
    %s0 = arith.addf %m0, %m1 : f32
    %s1 = arith.addf %m2, %m3 : f32
    %s2 = arith.addf %m4, %m5 : f32
    %s3 = arith.addf %m6, %m7 : f32
    %s4 = arith.addf %m8, %m9 : f32
    %s5 = arith.addf %m10, %m11 : f32
    %s6 = arith.addf %m12, %m13 : f32
    %s7 = arith.addf %m14, %m15 : f32
    %s8 = arith.addf %m16, %m17 : f32
    %s9 = arith.addf %m18, %m19 : f32
    %s10 = arith.addf %m20, %m21 : f32
    %s11 = arith.addf %m22, %m23 : f32
    %s12 = arith.addf %m24, %m25 : f32
    %s13 = arith.addf %m26, %m27 : f32
    %s14 = arith.addf %m28, %m29 : f32
    %s15 = arith.addf %m30, %m31 : f32
    %s16 = arith.addf %m32, %m33 : f32
    %s17 = arith.addf %m34, %m35 : f32
    %s18 = arith.addf %m36, %m37 : f32
    %s19 = arith.addf %m38, %m39 : f32
    %s20 = arith.addf %s0, %s1 : f32
    %s21 = arith.addf %s2, %s3 : f32
    %s22 = arith.addf %s4, %s5 : f32
    %s23 = arith.addf %s6, %s7 : f32
    %s24 = arith.addf %s8, %s9 : f32
    %s25 = arith.addf %s10, %s11 : f32
    %s26 = arith.addf %s12, %s13 : f32
    %s27 = arith.addf %s14, %s15 : f32
    %s28 = arith.addf %s16, %s17 : f32
    %s29 = arith.addf %s18, %s19 : f32
    %s30 = arith.addf %s20, %s21 : f32
    %s31 = arith.addf %s22, %s23 : f32
    %s32 = arith.addf %s24, %s25 : f32
    %s33 = arith.addf %s26, %s27 : f32
    %s34 = arith.addf %s28, %s29 : f32
    %s35 = arith.addf %s30, %s31 : f32
    %s36 = arith.addf %s32, %s33 : f32
    %s37 = arith.addf %s35, %s36 : f32
    %s38 = arith.addf %s37, %s34 : f32
    memref.store %s38, %to[%i] : memref<256xf32>
  }
  return
}
