// RUN: torsh-opt %s --split-input-file --pass-pipeline="builtin.module(gpu.module(gpu.func(torsh-cuda-lower-signatures)))" --verify-diagnostics | FileCheck %s

// Operands become pointers: nothing that is written overlaps them, inputs are only
// read, and all are aligned as the kernel demands, or as their elements are.
// CHECK-LABEL: gpu.func @aligned
// CHECK-SAME: %[[X:.+]]: memref<f32> {llvm.align = 16 : i64, llvm.noalias, llvm.readonly}
// CHECK-SAME: %[[OUT:.+]]: memref<i8> {llvm.align = 16 : i64, llvm.noalias}
// CHECK-SAME: %[[N:.+]]: index
// CHECK-SAME: workgroup(%[[BUFFER:.+]] : memref<64xf32, #gpu.address_space<workgroup>>)
// CHECK: %[[VIEW:.+]] = memref.reinterpret_cast %[[X]]
// CHECK: memref.load %[[VIEW]][%[[N]]] : memref<?xf32>
// CHECK: memref.store %{{.*}}, %[[BUFFER]]
// CHECK-LABEL: gpu.func @any
// CHECK-SAME: memref<bf16> {llvm.align = 2 : i64, llvm.noalias, llvm.readonly}
// CHECK-SAME: memref<f64> {llvm.align = 8 : i64, llvm.noalias}
gpu.module @module {
  gpu.func @aligned(%x: memref<?xf32>, %out: memref<?xi8>, %n: index) workgroup(%buffer: memref<64xf32, #gpu.address_space<workgroup>>) kernel attributes {torsh.num_inputs = 1 : i64, torsh.alignment = 16 : i64} {
    %one = arith.constant 1 : i8
    %v = memref.load %x[%n] : memref<?xf32>
    memref.store %v, %buffer[%n] : memref<64xf32, #gpu.address_space<workgroup>>
    memref.store %one, %out[%n] : memref<?xi8>
    gpu.return
  }
  gpu.func @any(%x: memref<8xbf16>, %out: memref<?xf64>) kernel attributes {torsh.num_inputs = 1 : i64} {
    gpu.return
  }
}

// -----

gpu.module @module {
  // expected-error @below {{operands of kernels must be contiguous and of one axis, not 'memref<4x?xf32>'}}
  gpu.func @two_axes(%x: memref<4x?xf32>) kernel attributes {torsh.num_inputs = 1 : i64} {
    gpu.return
  }
}

// -----

gpu.module @module {
  // expected-error @below {{a kernel must say how many of its operands are inputs}}
  gpu.func @silent(%x: memref<?xf32>) kernel {
    gpu.return
  }
}

// -----

gpu.module @module {
  // expected-error @below {{extents of operands are arguments of a kernel, not part of the operand}}
  gpu.func @extent(%x: memref<?xf32>, %out: memref<?xf32>) kernel attributes {torsh.num_inputs = 1 : i64} {
    %zero = arith.constant 0 : index
    %v = arith.constant 0.0 : f32
    %n = memref.dim %x, %zero : memref<?xf32>
    memref.store %v, %out[%n] : memref<?xf32>
    gpu.return
  }
}
