// RUN: torsh-opt %s --pass-pipeline="builtin.module(gpu.module(gpu.func(torsh-cuda-vectorize-accesses,canonicalize)))" | FileCheck %s

gpu.module @module {
  // Loads move to the first of them, wherever the lowest is; stores to the last.
  // CHECK-LABEL: gpu.func @elementwise
  // CHECK: scf.for %[[I:.+]] =
  // CHECK: %[[X:.+]] = vector.load %arg0[%[[I]]] {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
  // CHECK: vector.extract %[[X]][0]
  // CHECK: math.absf
  // CHECK-NOT: memref.
  // CHECK: %[[OUT:.+]] = vector.from_elements
  // CHECK: vector.store %[[OUT]], %arg1[%[[I]]] {alignment = 16 : i64}
  gpu.func @elementwise(%x: memref<?xf32>, %out: memref<?xf32>, %n: index) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64} {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %t = gpu.thread_id x
    %first = arith.muli %t, %c4 : index
    %grid = gpu.grid_dim x
    %step = arith.muli %grid, %c4 : index
    scf.for %i = %first to %n step %step {
      %i1 = arith.addi %i, %c1 : index
      %i2 = arith.addi %c2, %i : index
      %i3 = arith.addi %i1, %c2 : index
      %x0 = memref.load %x[%i] : memref<?xf32>
      %y0 = math.absf %x0 : f32
      memref.store %y0, %out[%i] : memref<?xf32>
      %x1 = memref.load %x[%i1] : memref<?xf32>
      %y1 = math.absf %x1 : f32
      memref.store %y1, %out[%i1] : memref<?xf32>
      %x2 = memref.load %x[%i2] : memref<?xf32>
      %y2 = math.absf %x2 : f32
      memref.store %y2, %out[%i2] : memref<?xf32>
      %x3 = memref.load %x[%i3] : memref<?xf32>
      %y3 = math.absf %x3 : f32
      memref.store %y3, %out[%i3] : memref<?xf32>
    }
    gpu.return
  }

  // The first load in the block is not the lowest: its index is corrected.
  // CHECK-LABEL: gpu.func @remainder
  // CHECK: %[[COLUMN:.+]] = arith.remui
  // CHECK: vector.load %arg0[%[[COLUMN]]] {alignment = 8 : i64} : memref<?xf32>, vector<2xf32>
  gpu.func @remainder(%x: memref<?xf32>, %out: memref<?xf32>, %n: index) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64, torsh.divisible = array<i64: 0, 2>} {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %t = gpu.thread_id x
    %i = arith.muli %t, %c2 : index
    %column = arith.remui %i, %n : index
    %next = arith.addi %column, %c1 : index
    %b = memref.load %x[%next] : memref<?xf32>
    %a = memref.load %x[%column] : memref<?xf32>
    %s = arith.addf %a, %b : f32
    memref.store %s, %out[%t] : memref<?xf32>
    gpu.return
  }

  // Nothing says that the extent, and with it the remainder, is even.
  // CHECK-LABEL: gpu.func @indivisible
  // CHECK-NOT: vector.
  gpu.func @indivisible(%x: memref<?xf32>, %out: memref<?xf32>, %n: index) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64} {
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %t = gpu.thread_id x
    %i = arith.muli %t, %c2 : index
    %column = arith.remui %i, %n : index
    %next = arith.addi %column, %c1 : index
    %a = memref.load %x[%column] : memref<?xf32>
    %b = memref.load %x[%next] : memref<?xf32>
    %s = arith.addf %a, %b : f32
    memref.store %s, %out[%t] : memref<?xf32>
    gpu.return
  }

  // Nobody demands that the pointers are aligned.
  // CHECK-LABEL: gpu.func @unaligned
  // CHECK-NOT: vector.
  gpu.func @unaligned(%x: memref<?xf32>, %out: memref<?xf32>) kernel attributes {torsh.num_inputs = 1 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %a = memref.load %x[%c0] : memref<?xf32>
    %b = memref.load %x[%c1] : memref<?xf32>
    memref.store %b, %out[%c0] : memref<?xf32>
    memref.store %a, %out[%c1] : memref<?xf32>
    gpu.return
  }

  // What is stored is read in between, by this thread or, at the barrier, by others.
  // CHECK-LABEL: gpu.func @read_between
  // CHECK-NOT: vector.store
  gpu.func @read_between(%x: memref<?xf32>, %out: memref<?xf32>, %more: memref<?xf32>) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %a = memref.load %x[%c0] : memref<?xf32>
    memref.store %a, %out[%c0] : memref<?xf32>
    %b = memref.load %out[%c0] : memref<?xf32>
    memref.store %b, %out[%c1] : memref<?xf32>
    memref.store %a, %more[%c0] : memref<?xf32>
    gpu.barrier
    memref.store %b, %more[%c1] : memref<?xf32>
    gpu.return
  }

  // Eight halves are 16 bytes; bools beside floats are fewer.
  // CHECK-LABEL: gpu.func @halves
  // CHECK: vector.load %arg0[%{{.+}}] {alignment = 4 : i64} : memref<?xf16>, vector<2xf16>
  // CHECK: vector.store %{{.*}}, %arg1[%{{.+}}] {alignment = 2 : i64} : memref<?xi8>, vector<2xi8>
  gpu.func @halves(%x: memref<?xf16>, %out: memref<?xi8>) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %zero = arith.constant 0.0 : f16
    %a = memref.load %x[%c0] : memref<?xf16>
    %b = memref.load %x[%c1] : memref<?xf16>
    %l = arith.cmpf olt, %a, %zero : f16
    %m = arith.cmpf olt, %b, %zero : f16
    %p = arith.extui %l : i1 to i8
    %q = arith.extui %m : i1 to i8
    memref.store %p, %out[%c0] : memref<?xi8>
    memref.store %q, %out[%c1] : memref<?xi8>
    gpu.return
  }

  // Shared memory is always aligned; what is private to a thread is left to LLVM.
  // CHECK-LABEL: gpu.func @shared
  // CHECK: vector.store %{{.*}}, %arg2[%{{.+}}] {alignment = 8 : i64} : memref<64xf32, #gpu.address_space<workgroup>>, vector<2xf32>
  // CHECK-NOT: vector.store
  gpu.func @shared(%x: memref<?xf32>, %out: memref<?xf32>) workgroup(%buffer: memref<64xf32, #gpu.address_space<workgroup>>) private(%own: memref<2xf32, #gpu.address_space<private>>) kernel attributes {torsh.num_inputs = 1 : i64} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %t = gpu.thread_id x
    %v = memref.load %x[%t] : memref<?xf32>
    %i = arith.muli %t, %c2 : index
    %next = arith.addi %i, %c1 : index
    memref.store %v, %buffer[%i] : memref<64xf32, #gpu.address_space<workgroup>>
    memref.store %v, %buffer[%next] : memref<64xf32, #gpu.address_space<workgroup>>
    memref.store %v, %own[%c0] : memref<2xf32, #gpu.address_space<private>>
    memref.store %v, %own[%c1] : memref<2xf32, #gpu.address_space<private>>
    gpu.return
  }
}
