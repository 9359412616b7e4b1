// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @packed
// CHECK: torsh.pack_panels %arg0, %arg1 {block = 64 : i64, depth = array<i64: 1>, rows = array<i64: 0>, width = 32 : i64} : memref<100x64xf32>, memref<8192xf32>
// CHECK: torsh.panels_view %arg1 {block = 64 : i64, depth = array<i64: 1>, rows = array<i64: 0>, width = 32 : i64} : memref<8192xf32> to memref<100x64xf32>
func.func @packed(%weight: memref<100x64xf32>, %panels: memref<8192xf32>) -> memref<100x64xf32> {
  torsh.pack_panels %weight, %panels {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<100x64xf32>, memref<8192xf32>
  %0 = torsh.panels_view %panels {rows = array<i64: 0>, depth = array<i64: 1>, width = 32 : i64, block = 64 : i64} : memref<8192xf32> to memref<100x64xf32>
  return %0 : memref<100x64xf32>
}

// Bytes for dot products of four, with the sums of their rows.
// CHECK-LABEL: func.func @groups
// CHECK: torsh.pack_panels
// CHECK-SAME: flips = true
// CHECK-SAME: step = 4 : i64
// CHECK-SAME: sums = -128 : i64
func.func @groups(%weight: memref<64x32xi8>, %panels: memref<2176xi8>) {
  torsh.pack_panels %weight, %panels {rows = array<i64: 1>, depth = array<i64: 0>, width = 32 : i64, block = 64 : i64, step = 4 : i64, flips = true, sums = -128 : i64} : memref<64x32xi8>, memref<2176xi8>
  return
}
