// RUN: torsh-opt %s --pass-pipeline='builtin.module(gpu.module(torsh-metal-saturate-indices))' | FileCheck %s

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @positions
  gpu.func @positions(%x: i64, %y: i32, %out: memref<?xindex>, %i: index) kernel {
    // CHECK-DAG: %[[LEAST:.*]] = arith.constant -2147483648 : i64
    // CHECK-DAG: %[[MOST:.*]] = arith.constant 2147483647 : i64
    // CHECK: %[[ABOVE:.*]] = arith.maxsi %{{.*}}, %[[LEAST]]
    // CHECK: %[[WITHIN:.*]] = arith.minsi %[[ABOVE]], %[[MOST]]
    // CHECK: arith.index_cast %[[WITHIN]] : i64 to index
    %a = arith.index_cast %x : i64 to index
    memref.store %a, %out[%i] : memref<?xindex>
    // CHECK: arith.index_cast %{{.*}} : i32 to index
    %b = arith.index_cast %y : i32 to index
    memref.store %b, %out[%i] : memref<?xindex>
    // CHECK: %[[LOW:.*]] = arith.minui
    // CHECK: arith.index_castui %[[LOW]] : i32 to index
    %c = arith.index_castui %y : i32 to index
    memref.store %c, %out[%i] : memref<?xindex>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @widened
  // CHECK-NOT: arith.minsi
  gpu.func @widened(%x: i32, %out: memref<?xindex>, %i: index) kernel {
    %wide = arith.extsi %x : i32 to i64
    %a = arith.index_cast %wide : i64 to index
    memref.store %a, %out[%i] : memref<?xindex>
    gpu.return
  }
}
