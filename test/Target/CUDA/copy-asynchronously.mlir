// RUN: torsh-opt %s --pass-pipeline="builtin.module(gpu.module(gpu.func(torsh-cuda-vectorize-accesses,canonicalize,torsh-cuda-copy-asynchronously)))" | FileCheck %s

gpu.module @module {
  // A marked copy of whole vectors passes through no register.
  // CHECK-LABEL: gpu.func @copy
  // CHECK-NOT: vector.
  // CHECK: nvgpu.device_async_copy %arg0[%[[I:.+]]], %arg2[%[[I]]], 4 {bypassL1}
  // CHECK-NOT: vector.
  gpu.func @copy(%x: memref<?xf32>, %out: memref<?xf32>) workgroup(%tile: memref<256xf32, #gpu.address_space<workgroup>>) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64} {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %t = gpu.thread_id x
    %i = arith.muli %t, %c4 : index
    %i1 = arith.addi %i, %c1 : index
    %i2 = arith.addi %i, %c2 : index
    %i3 = arith.addi %i, %c3 : index
    %a = memref.load %x[%i] : memref<?xf32>
    %b = memref.load %x[%i1] : memref<?xf32>
    %c = memref.load %x[%i2] : memref<?xf32>
    %d = memref.load %x[%i3] : memref<?xf32>
    memref.store %a, %tile[%i] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %b, %tile[%i1] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %c, %tile[%i2] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %d, %tile[%i3] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    nvvm.cp.async.commit.group
    gpu.return
  }

  // What is computed on the way, what nobody waits for, and what is used once more is
  // not.
  // CHECK-LABEL: gpu.func @others
  // CHECK-NOT: nvgpu.device_async_copy
  gpu.func @others(%x: memref<?xf32>, %out: memref<?xf32>) workgroup(%tile: memref<256xf32, #gpu.address_space<workgroup>>) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64} {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c64 = arith.constant 64 : index
    %c65 = arith.constant 65 : index
    %c128 = arith.constant 128 : index
    %c129 = arith.constant 129 : index
    %t = gpu.thread_id x
    %i = arith.muli %t, %c2 : index
    %i1 = arith.addi %i, %c1 : index
    %a = memref.load %x[%i] : memref<?xf32>
    %b = memref.load %x[%i1] : memref<?xf32>
    %e = math.absf %a : f32
    memref.store %e, %tile[%i] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %b, %tile[%i1] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    %j = arith.addi %i, %c64 : index
    %j1 = arith.addi %i, %c65 : index
    %c = memref.load %x[%j] : memref<?xf32>
    %d = memref.load %x[%j1] : memref<?xf32>
    memref.store %c, %tile[%j] : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %d, %tile[%j1] : memref<256xf32, #gpu.address_space<workgroup>>
    %k = arith.addi %i, %c128 : index
    %k1 = arith.addi %i, %c129 : index
    %f = memref.load %x[%k] : memref<?xf32>
    %g = memref.load %x[%k1] : memref<?xf32>
    memref.store %f, %tile[%k] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %g, %tile[%k1] {torsh.async_copy} : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %g, %out[%t] : memref<?xf32>
    gpu.return
  }
}
