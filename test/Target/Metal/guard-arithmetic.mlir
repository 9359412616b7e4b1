// RUN: torsh-opt %s --pass-pipeline='builtin.module(gpu.module(torsh-metal-guard-arithmetic))' | FileCheck %s

gpu.module @kernels {
  // A zero is a value that only the launch decides; other constants stay.
  // CHECK-LABEL: gpu.func @zeros
  // CHECK: %[[BLOCKS:.*]] = gpu.grid_dim x
  // CHECK: %[[NONE:.*]] = arith.cmpi eq, %[[BLOCKS]]
  // CHECK: %[[ZERO:.*]] = arith.select %[[NONE]], %{{.*}}, %{{.*}} : f32
  // CHECK: arith.mulf %{{.*}}, %[[ZERO]]
  // CHECK: arith.addf %{{.*}}, %[[ZERO]]
  // CHECK: arith.mulf %{{.*}}, %cst
  gpu.func @zeros(%x: memref<?xf32>, %i: index) kernel {
    %zero = arith.constant 0.0 : f32
    %two = arith.constant 2.0 : f32
    %v = memref.load %x[%i] : memref<?xf32>
    %a = arith.mulf %v, %zero : f32
    %b = arith.addf %a, %zero : f32
    %c = arith.mulf %b, %two : f32
    memref.store %c, %x[%i] : memref<?xf32>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @comparisons
  gpu.func @comparisons(%x: i32, %out: memref<?xi1>, %i: index) kernel {
    %s = arith.extsi %x : i32 to i64
    %u = arith.extui %x : i32 to i64
    %small = arith.constant -5 : i64
    %large = arith.constant 4294967296 : i64
    // CHECK: arith.cmpi slt, %{{.*}}, %c-5_i32 : i32
    %a = arith.cmpi slt, %s, %small : i64
    memref.store %a, %out[%i] : memref<?xi1>
    // The constant on the other side: -5 < x is x > -5.
    // CHECK: arith.cmpi sgt, %{{.*}}, %c-5_i32{{.*}} : i32
    %b = arith.cmpi slt, %small, %s : i64
    memref.store %b, %out[%i] : memref<?xi1>
    // No i32 is as large.
    // CHECK: memref.store %true
    %c = arith.cmpi slt, %s, %large : i64
    memref.store %c, %out[%i] : memref<?xi1>
    // CHECK: memref.store %false
    %d = arith.cmpi eq, %s, %large : i64
    memref.store %d, %out[%i] : memref<?xi1>
    // Nothing without a sign is below -5.
    // CHECK: memref.store %false
    %e = arith.cmpi slt, %u, %small : i64
    memref.store %e, %out[%i] : memref<?xi1>
    // Extended by sign and compared without one: left alone.
    // CHECK: arith.cmpi ult, %{{.*}}, %{{.*}} : i64
    %f = arith.cmpi ult, %s, %large : i64
    memref.store %f, %out[%i] : memref<?xi1>
    gpu.return
  }
}
