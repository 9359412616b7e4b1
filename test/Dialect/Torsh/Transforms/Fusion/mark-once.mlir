// SPDX-License-Identifier: Apache-2.0
// RUN: torsh-opt %s --torsh-mark-once | FileCheck %s

module {
  torsh.kernel @exp(%x: tensor<8xf32>) -> tensor<8xf32> attributes {kind = #torsh.kind<elementwise>} {
    %0 = torsh.exp %x : (tensor<8xf32>) -> tensor<8xf32>
    torsh.return %0 : tensor<8xf32>
  }
  torsh.kernel @sum(%x: tensor<8xf32>) -> tensor<1xf32> attributes {kind = #torsh.kind<reduction>} {
    %0 = torsh.sum %x {axes = array<i64: 0>, keepdims = true} : (tensor<8xf32>) -> tensor<1xf32>
    torsh.return %0 : tensor<1xf32>
  }
  torsh.kernel @open(%x: tensor<?xf32>) -> tensor<?xf32> attributes {kind = #torsh.kind<elementwise>} {
    %0 = torsh.exp %x : (tensor<?xf32>) -> tensor<?xf32>
    torsh.return %0 : tensor<?xf32>
  }

  // CHECK-LABEL: func.func @weights
  func.func @weights(%x: tensor<8xf32>, %w: tensor<8xf32> {torsh.frozen}, %d: tensor<?xf32> {torsh.frozen})
      -> (tensor<8xf32>, tensor<1xf32>, tensor<8xf32>, tensor<2x4xf32>, tensor<?xf32>) {
    // CHECK: %[[W:.*]] = torsh.launch @exp(%{{.*}}) {torsh.once}
    %0 = torsh.launch @exp(%w) : (tensor<8xf32>) -> tensor<8xf32>
    // What several operations make of weights, through views.
    // CHECK: torsh.launch @sum(%[[W]]) {torsh.once}
    %1 = torsh.launch @sum(%0) : (tensor<8xf32>) -> tensor<1xf32>
    // CHECK: torsh.launch @exp(%{{.*}}) : (
    %2 = torsh.launch @exp(%x) : (tensor<8xf32>) -> tensor<8xf32>
    // A call of the host may have effects, and give another result each time.
    %3 = torsh.host_call "draw"(%w) {pure} : (tensor<8xf32>) -> tensor<8xf32>
    // CHECK: torsh.launch @exp(%{{.*}}) : (
    %4 = torsh.launch @exp(%3) : (tensor<8xf32>) -> tensor<8xf32>
    // Only copied to the call's result otherwise.
    // CHECK: torsh.launch @exp(%{{.*}}) : (
    %5 = torsh.launch @exp(%w) : (tensor<8xf32>) -> tensor<8xf32>
    %6 = torsh.reshape %5 : (tensor<8xf32>) -> tensor<2x4xf32>
    // CHECK: torsh.launch @open(%{{.*}}) sizes
    %c0 = arith.constant 0 : index
    %n = tensor.dim %d, %c0 : tensor<?xf32>
    %7 = torsh.launch @open(%d) sizes(%n) : (tensor<?xf32>) -> tensor<?xf32>
    %8 = torsh.launch @exp(%4) : (tensor<8xf32>) -> tensor<8xf32>
    return %8, %1, %2, %6, %7 : tensor<8xf32>, tensor<1xf32>, tensor<8xf32>, tensor<2x4xf32>, tensor<?xf32>
  }

  // CHECK-LABEL: func.func @constants
  func.func @constants() -> (tensor<1xf32>, tensor<8xf32>) {
    %c = torsh.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>
    // Returned, but also read.
    // CHECK: torsh.launch @exp(%{{.*}}) {torsh.once}
    %0 = torsh.launch @exp(%c) : (tensor<8xf32>) -> tensor<8xf32>
    // CHECK: torsh.launch @sum(%{{.*}}) {torsh.once}
    %1 = torsh.launch @sum(%0) : (tensor<8xf32>) -> tensor<1xf32>
    return %1, %0 : tensor<1xf32>, tensor<8xf32>
  }
}
