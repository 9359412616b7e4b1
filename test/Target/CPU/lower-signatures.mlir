// RUN: torsh-opt %s --torsh-cpu-lower-signatures | FileCheck %s

// Pointers first, then each '?' extent in order, then the worker; what is static
// is not passed. The outermost extent is in no stride.
// CHECK-LABEL: func.func @kernel
// CHECK-SAME: (%[[X:.+]]: memref<f32> {llvm.noalias}, %[[S:.+]]: memref<i1> {llvm.noalias}, %[[OUT:.+]]: memref<f32> {llvm.noalias}, %[[M:.+]]: index, %[[N:.+]]: index, %[[OUT_M:.+]]: index, %{{.+}}: !llvm.ptr)
// CHECK-SAME: torsh.num_pointers = 3
// CHECK: memref.reinterpret_cast %[[X]] to offset: [0], sizes: [%[[M]], 4, %[[N]]], strides: [%{{[^,]+}}, %{{[^,]+}}, 1]
// CHECK: memref.reinterpret_cast %[[OUT]] to offset: [0], sizes: [%[[OUT_M]], 8], strides: [8, 1]
// CHECK: memref.load %[[S]][] : memref<i1>
func.func @kernel(%x: memref<?x4x?xf32>, %s: memref<i1>, %out: memref<?x8xf32>) attributes {torsh.kernel} {
  %zero = arith.constant 0 : index
  %v = memref.load %x[%zero, %zero, %zero] : memref<?x4x?xf32>
  %b = memref.load %s[] : memref<i1>
  memref.store %v, %out[%zero, %zero] : memref<?x8xf32>
  return
}

// CHECK-LABEL: func.func @host(%{{.*}}: memref<8xf32>)
func.func @host(%x: memref<8xf32>) {
  return
}
