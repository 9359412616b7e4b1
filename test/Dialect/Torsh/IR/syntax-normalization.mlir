// RUN: torsh-opt %s | torsh-opt | FileCheck %s
// RUN: torsh-opt %s --mlir-print-op-generic | torsh-opt | FileCheck %s

// A '?' of the input takes the extent of the operand that it must equal.
// CHECK-LABEL: func.func @normalization
// CHECK: torsh.softmax %{{.*}} {axis = 1 : i64} : (tensor<?x4x8xf16>) -> tensor<?x4x8xf16>
// CHECK: torsh.log_softmax %{{.*}} {axis = 0 : i64} : (tensor<?x4x8xf16>) -> tensor<?x4x8xf16>
// CHECK: torsh.layer_norm %{{.*}} {eps = 1.000000e-05 : f64, num_axes = 1 : i64} : (tensor<?x4x8xf16>) -> tensor<?x4x8xf16>
// CHECK: torsh.layer_norm %{{.*}} weight(%{{.*}}) bias(%{{.*}}) {eps = 1.000000e-05 : f64, num_axes = 2 : i64} : (tensor<?x4x8xf16>, tensor<4x8xf16>, tensor<4x8xf16>) -> tensor<?x4x8xf16>
// CHECK: torsh.layer_norm %{{.*}} bias(%{{.*}}) {eps = 0.000000e+00 : f64, num_axes = 1 : i64} : (tensor<?x?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
// CHECK: torsh.batch_norm %{{.*}}, %{{.*}}, %{{.*}} weight(%{{.*}}) bias(%{{.*}}) {eps = 1.000000e-05 : f64} : (tensor<?x?xf32>, tensor<?xf32>, tensor<3xf32>, tensor<?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
func.func @normalization(%x: tensor<?x4x8xf16>, %w: tensor<4x8xf16>, %d: tensor<?x?xf32>, %m: tensor<3xf32>, %n: tensor<?xf32>) {
  %0 = torsh.softmax %x {axis = 1 : i64} : (tensor<?x4x8xf16>) -> tensor<?x4x8xf16>
  %1 = torsh.log_softmax %x {axis = 0 : i64} : (tensor<?x4x8xf16>) -> tensor<?x4x8xf16>
  %2 = torsh.layer_norm %x {eps = 1.000000e-05 : f64, num_axes = 1 : i64} : (tensor<?x4x8xf16>) -> tensor<?x4x8xf16>
  %3 = torsh.layer_norm %x weight(%w) bias(%w) {eps = 1.000000e-05 : f64, num_axes = 2 : i64} : (tensor<?x4x8xf16>, tensor<4x8xf16>, tensor<4x8xf16>) -> tensor<?x4x8xf16>
  %4 = torsh.layer_norm %d bias(%m) {eps = 0.000000e+00 : f64, num_axes = 1 : i64} : (tensor<?x?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %5 = torsh.batch_norm %d, %n, %m weight(%n) bias(%m) {eps = 1.000000e-05 : f64} : (tensor<?x?xf32>, tensor<?xf32>, tensor<3xf32>, tensor<?xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return
}
