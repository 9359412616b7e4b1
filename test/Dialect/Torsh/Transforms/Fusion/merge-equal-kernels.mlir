// RUN: torsh-opt %s -torsh-form-groups -torsh-outline-kernels -torsh-merge-equal-kernels | FileCheck %s

// Two layers with different weights are one kernel, launched twice; another slope is
// another kernel. The report's second group is named after the kernel that stays.
// CHECK: module attributes {{.*}}linear_leaky_relu\22,{{.*}}linear_leaky_relu\22,{{.*}}linear_leaky_relu_1\22,
// CHECK: torsh.kernel @linear_leaky_relu(
// CHECK-NOT: torsh.kernel @linear_leaky_relu_0(
// CHECK: torsh.kernel @linear_leaky_relu_1(
// CHECK-NOT: torsh.kernel
// CHECK-LABEL: func @main
// CHECK-SAME: (%[[X:.*]]: tensor<4x4xf32>, %[[V:.*]]: tensor<4x4xf32>, %[[W:.*]]: tensor<4x4xf32>)
// CHECK: %[[A:.*]] = torsh.launch @linear_leaky_relu(%[[X]], %[[V]])
// CHECK: %[[B:.*]] = torsh.launch @linear_leaky_relu(%[[A]], %[[W]])
// CHECK: torsh.launch @linear_leaky_relu_1(%[[B]], %[[W]])
func.func @main(%x: tensor<4x4xf32>, %v: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = torsh.linear %x, %v : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = torsh.leaky_relu %0 : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = torsh.linear %1, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = torsh.leaky_relu %2 : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = torsh.linear %3, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %5 = torsh.leaky_relu %4 {negative_slope = 0.2 : f64} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %5 : tensor<4x4xf32>
}
