// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// CHECK-LABEL: func.func @window
// CHECK: torsh.max_pool %{{.*}} {dilation = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, stride = array<i64: 2, 2>, window = array<i64: 3, 3>} : (tensor<?x3x8x?xf32>) -> tensor<?x3x4x?xf32>
// CHECK: torsh.max_pool %{{.*}} {dilation = array<i64: 2>, padding_high = array<i64: 0>, padding_low = array<i64: 0>, stride = array<i64: 1>, window = array<i64: 3>} : (tensor<1x1x9xi8>) -> tensor<1x1x5xi8>
// CHECK: torsh.avg_pool %{{.*}} {padding_high = array<i64: 0, 0>, padding_low = array<i64: 0, 0>, stride = array<i64: 2, 2>, window = array<i64: 2, 2>} : (tensor<?x3x8x?xf32>) -> tensor<?x3x4x?xf32>
// CHECK: torsh.avg_pool %{{.*}} {count_include_pad = false, padding_high = array<i64: 1, 0>, padding_low = array<i64: 0, 0>, stride = array<i64: 1, 2>, window = array<i64: 2, 2>} : (tensor<?x3x8x?xf32>) -> tensor<?x3x8x?xf32>
func.func @window(%x: tensor<?x3x8x?xf32>, %i: tensor<1x1x9xi8>) {
  %0 = torsh.max_pool %x {dilation = array<i64: 1, 1>, padding_high = array<i64: 1, 1>, padding_low = array<i64: 1, 1>, stride = array<i64: 2, 2>, window = array<i64: 3, 3>} : (tensor<?x3x8x?xf32>) -> tensor<?x3x4x?xf32>
  %1 = torsh.max_pool %i {dilation = array<i64: 2>, padding_high = array<i64: 0>, padding_low = array<i64: 0>, stride = array<i64: 1>, window = array<i64: 3>} : (tensor<1x1x9xi8>) -> tensor<1x1x5xi8>
  %2 = torsh.avg_pool %x {padding_high = array<i64: 0, 0>, padding_low = array<i64: 0, 0>, stride = array<i64: 2, 2>, window = array<i64: 2, 2>} : (tensor<?x3x8x?xf32>) -> tensor<?x3x4x?xf32>
  %3 = torsh.avg_pool %x {count_include_pad = false, padding_high = array<i64: 1, 0>, padding_low = array<i64: 0, 0>, stride = array<i64: 1, 2>, window = array<i64: 2, 2>} : (tensor<?x3x8x?xf32>) -> tensor<?x3x8x?xf32>
  return
}
