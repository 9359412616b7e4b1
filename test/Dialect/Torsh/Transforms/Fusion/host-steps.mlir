// What the host program executes itself stays in the host function through the shared
// phases, in an order that keeps what it does.
// RUN: torsh-opt %s -split-input-file --torsh-compile-to=kernels | FileCheck %s
// RUN: torsh-opt %s -split-input-file --torsh-compile-to=linalg | FileCheck %s

// A call lies between two kernels, and the extents of its result come from its sizes.
// CHECK-LABEL: func.func @between
// CHECK: %[[N:.*]] = tensor.dim %arg0
// CHECK: %[[A:.*]] = torsh.launch @exp
// CHECK: %[[B:.*]] = torsh.host_call "f"(%[[A]]) sizes(%[[N]]) {pure}
// CHECK: torsh.launch @add{{.*}}({{.*}}%[[B]]{{.*}}) sizes(%[[N]])
func.func @between(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = torsh.exp %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %0, %c0 : tensor<?x4xf32>
  %1 = torsh.host_call "f"(%0) sizes(%n) {pure} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = torsh.add %1, %0 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %2 : tensor<?x4xf32>
}

// -----

// Unused calls are removed where they are pure; equal pure ones are one.
// CHECK-LABEL: func.func @unused
// CHECK-NOT: "pure"
// CHECK: torsh.host_call "impure"(%arg0)
// CHECK-NEXT: %[[A:.*]] = torsh.host_call "twice"(%arg0) {pure}
// CHECK-NOT: torsh.host_call
// CHECK: return %[[A]], %[[A]]
func.func @unused(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = torsh.host_call "pure"(%x) {pure} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = torsh.host_call "impure"(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = torsh.host_call "twice"(%x) {pure} : (tensor<4xf32>) -> tensor<4xf32>
  %3 = torsh.host_call "twice"(%x) {pure} : (tensor<4xf32>) -> tensor<4xf32>
  return %2, %3 : tensor<4xf32>, tensor<4xf32>
}

// -----

// Two impure calls keep their order although no value goes from one to the other, so
// that what leads to the first cannot be one kernel with what the second gives.
// CHECK-LABEL: func.func @order
// CHECK: %[[A:.*]] = torsh.launch @exp
// CHECK: torsh.host_call "first"(%[[A]]) : (tensor<4xf32>) -> ()
// CHECK: %[[B:.*]] = torsh.host_call "second"() : () -> tensor<4xf32>
// CHECK: torsh.launch @add
func.func @order(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = torsh.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  torsh.host_call "first"(%0) : (tensor<4xf32>) -> ()
  %1 = torsh.host_call "second"() : () -> tensor<4xf32>
  %2 = torsh.add %0, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

// An assertion waits for the device: it comes after what can be launched without it,
// but before an impure call that follows it.
// CHECK-LABEL: func.func @late
// CHECK: %[[ALL:.*]] = torsh.launch @{{.*}}all
// CHECK: torsh.launch @exp
// CHECK: torsh.assert %[[ALL]], "negative"
// CHECK-NEXT: torsh.host_call "print"(%arg0)
// CHECK-NEXT: return
func.func @late(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = torsh.constant dense<0.0> : tensor<f32>
  %0 = torsh.compare ge, %x, %zero : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>
  %1 = torsh.all %0 {axes = array<i64: 0>} : (tensor<4xi1>) -> tensor<i1>
  torsh.assert %1, "negative" : tensor<i1>
  torsh.host_call "print"(%x) : (tensor<4xf32>) -> ()
  %2 = torsh.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  return %2 : tensor<4xf32>
}
